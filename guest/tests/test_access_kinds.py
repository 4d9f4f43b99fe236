"""Loads and stores of every kind are traced as they came to the device.

On both machines, through `/dev/mem` to a device that takes 4 bytes at once, and through a PCI
resource to one that takes 8, and nothing smaller than 4.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guest.bus import Beat, Region, experiments
from guest.cross import build_command, compile_c
from guest.errors import Unavailable
from guest.job import run
from guest.lowering import accesses, agree, beats, split
from guest.machine import PC, VIRT, Machine
from guest.tests import edu

Access = Mapping[str, Any]

SOURCES = Path(__file__).with_name("access_kinds")


@dataclass(frozen=True)
class Way:
    """How a program comes to a device."""

    machine: Machine
    file: str
    #: Where in the file, how much of it, and where marks are.
    offset: int
    length: int
    mark: int
    target: str
    #: The most bytes that come to the device at once, as far as a trace tells.
    most: int
    before: str = ""
    #: Which kinds the program is to run.
    kinds: str = ""


def through_mem(machine: Machine) -> Way:
    base, length, mark = machine.window
    return Way(machine, "/dev/mem", base, length, mark, f"mem:{base:#x}+{length}", most=4)


def through_pci(machine: Machine) -> Way:
    length = 0x4000
    return Way(
        *(machine, edu.RESOURCE, 0, length, length - 16, edu.TARGET),
        # On AArch64 8 bytes may be those of two registers, each stored by itself.
        most=8 if machine == PC else 4,
        before=edu.ATTACH,
        kinds="wide",
    )


@dataclass(frozen=True)
class Seen:
    #: The kinds' names; each one's mark is its place, counted from 1.
    kinds: list[str]
    #: What came to the device when the program ran by itself, and when it was traced.
    alone: list[list[Beat]]
    traced: list[list[Beat]]
    #: The accesses of the trace.
    accesses: list[list[Access]]
    losses: list[str]


WAYS: dict[str, Callable[[], Way]] = {
    "aarch64, /dev/mem": lambda: through_mem(VIRT),
    "aarch64, PCI": lambda: through_pci(VIRT),
    "x86-64, /dev/mem": lambda: through_mem(PC),
    "x86-64, PCI": lambda: through_pci(PC),
}


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]()


# The numbers of the first marks of a run by itself, and of one that is traced.
ALONE, TRACED = 0x100, 0x200


@pytest.fixture(scope="module")
def seen(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    at = tmp_path_factory.mktemp("kinds")
    program = f"./program {way.file} {way.offset:#x} {way.length:#x} {way.mark:#x}"
    trace = f"./busprobe trace --watch {way.target} -o out/trace.jsonl --"
    script = f"""{way.before}
mkdir -p out
{program} {ALONE} {way.kinds} >out/kinds || exit
{trace} {program} {TRACED} {way.kinds} >out/traced || exit
cat {edu.FUNCTION}/resource >out/resource
"""
    try:
        files = {
            "busprobe": build_command(way.machine.architecture),
            "program": _program(way.machine, at / "program"),
        }
        done = run(script, at, files, machine=way.machine)
    except Unavailable as why:
        pytest.skip(f"skipped: {why}")
    assert done.status == 0, done.output
    assert done.files["kinds"] == done.files["traced"]
    kinds = done.files["kinds"].decode().splitlines()
    log = experiments(done.log, _region(way, done.files["resource"].decode()))
    alone, traced = (
        [log[first + place].beats for place in range(len(kinds))] for first in (ALONE, TRACED)
    )
    records = [json.loads(line) for line in done.files["trace.jsonl"].splitlines()]
    losses = [record["detail"] for record in records if record["t"] == "loss"]
    return Seen(kinds, alone, traced, _by_kind(records, way.mark, len(kinds)), losses)


def _program(machine: Machine, to: Path) -> Path:
    kinds = {VIRT: "aarch64.c", PC: "x86_64.c"}[machine]
    sources = [SOURCES / name for name in ("main.c", "plain.c", kinds)]
    return compile_c(sources, to, machine.architecture)


def _region(way: Way, resource: str) -> Region:
    """Where the mapping lies on the bus; the first number of a PCI resource is where BAR 0 does."""
    base = way.offset if way.target.startswith("mem:") else int(resource.split()[0], 16)
    return Region(base, way.length, way.mark)


def _by_kind(records: list[Access], mark: int, count: int) -> list[list[Access]]:
    kinds: list[list[Access]] = [[] for _ in range(count)]
    number = -1
    for access in accesses(records):
        if access["offset"] == mark:
            number = int(access["data"], 16) - TRACED
        elif 0 <= number < count:
            kinds[number].append(access)
    return kinds


def test_every_kind_but_one_makes_accesses(seen: Seen) -> None:
    silent = [kind for kind, beats in zip(seen.kinds, seen.alone) if not beats]
    assert silent in ([], ["nothing"])
    assert len(seen.kinds) > 10


def test_tracing_changes_nothing_on_the_bus(seen: Seen) -> None:
    runs = zip(seen.kinds, seen.alone, seen.traced)
    assert [kind for kind, alone, traced in runs if alone != traced] == []


def test_the_trace_is_what_came_to_the_device(seen: Seen, way: Way) -> None:
    runs = zip(seen.kinds, seen.accesses, seen.traced)
    differing = {
        kind: (trace, bus)
        for kind, made, traced in runs
        if not agree(
            trace := [beat for one in made for beat in beats(one, way.most)],
            bus := list(split(traced, way.most)),
        )
    }
    assert differing == {}


def test_nothing_is_lost(seen: Seen) -> None:
    assert seen.losses == []


# What is stored without a register that shows it, by instructions that can be run only once: those
# that lock the bus, and string instructions from the window to the window.
UNKNOWN_STORES = {"locked", "strings"}


def test_what_is_stored_is_known_unless_no_register_shows_it(seen: Seen) -> None:
    unknown = {
        kind
        for kind, made in zip(seen.kinds, seen.accesses)
        if any(access["dir"] == "W" and "data" not in access for access in made)
    }
    assert unknown == UNKNOWN_STORES & set(seen.kinds)
