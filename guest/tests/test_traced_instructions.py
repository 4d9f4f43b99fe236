"""Loads and stores of every kind that a compiler emits are traced as they came to the device."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guest.bus import MARK, Beat, experiments
from guest.cross import build, compile_c
from guest.job import run
from guest.machine import WINDOW_BASE, WINDOW_LENGTH

SOURCE = Path(__file__).with_name("access_kinds.c")


@dataclass(frozen=True)
class Seen:
    #: What came to the device when the program ran by itself, and when it was traced.
    alone: list[Beat]
    traced: list[Beat]
    #: The records of the trace.
    trace: list[dict[str, Any]]

    def accesses(self) -> list[dict[str, Any]]:
        return [record for record in self.trace if record["t"] == "access"]

    def beats(self) -> list[Beat]:
        return [beat for access in self.accesses() for beat in lowered(access)]


def lowered(access: dict[str, Any]) -> Iterator[Beat]:
    """An access as the device sees it: 4 bytes at most, the lowest first."""
    size, data = access["size"], int(access["data"], 16)
    for at in range(0, size, 4):
        beat = min(size - at, 4)
        part = data >> 8 * at & (1 << 8 * beat) - 1
        yield Beat(access["dir"], access["offset"] + at, part, beat)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    at = tmp_path_factory.mktemp("instructions")
    mark = f"busybox devmem {WINDOW_BASE + MARK} 32"
    target = f"mem:{WINDOW_BASE:#x}+{WINDOW_LENGTH}"
    traced = f"./busprobe trace --watch {target} -o out/trace.jsonl -- ./program"
    script = f"mkdir -p out; {mark} 1; ./program || exit; {mark} 2; {traced}"
    program = compile_c(SOURCE, at / "program")
    done = run(script, at, {"busprobe": build("-p", "busprobe"), "program": program})
    assert done.status == 0, done.output
    log = experiments(done.log)
    trace = [json.loads(line) for line in done.files["trace.jsonl"].splitlines()]
    return Seen(alone=log[1].beats, traced=log[2].beats, trace=trace)


def test_tracing_changes_nothing_on_the_bus(seen: Seen) -> None:
    assert seen.alone
    assert seen.alone == seen.traced


def test_the_trace_is_what_came_to_the_device(seen: Seen) -> None:
    assert seen.beats() == seen.traced
    assert not [record for record in seen.trace if record["t"] == "loss"]


def test_an_access_is_as_wide_as_its_instruction(seen: Seen) -> None:
    assert {access["size"] for access in seen.accesses()} == {1, 2, 4, 8, 16, 32, 64}
