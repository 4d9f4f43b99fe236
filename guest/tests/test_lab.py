"""The lab says of a libc's own code what the libc really put on the guest's bus, beat for beat."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest import parts
from guest.bus import experiments
from guest.cross import SOURCE
from guest.job import run
from guest.machine import VIRT

# Aligned for all, for words, for halves, and for bytes only.
DESTINATIONS = (0, 4, 8, 2, 1)
SOURCES = (0, 8, 4, 3)
SOME_LONG = (64, 100, 128, 230, 256, 500, 511, 1000, 2000)


# The first writes to the window's pages.
FIRST = "memcpy 8000 0 0"


def calls() -> Iterator[str]:
    yield FIRST
    for function in ("memcpy", "memmove"):
        for words, to, source in itertools.product(range(1, 41), DESTINATIONS, SOURCES):
            yield f"{function} {4 * words} {to} {source}"
        for words, to, source in itertools.product(SOME_LONG, DESTINATIONS, (0, 4)):
            yield f"{function} {4 * words} {to} {source}"
    for length in (1, 2, 3, 5, 7, 9, 15, 17, 31, 33, 63, 65, 97, 127, 129):
        yield f"memcpy {length} 0 0"
        yield f"memcpy {length} 3 1"
    for words, to in itertools.product([*range(1, 41), *SOME_LONG], DESTINATIONS):
        yield f"memset {4 * words} {to} 0"


CALLS = list(calls())


@pytest.fixture(scope="module")
def lines() -> bytes:
    return "".join(f"{mark} {call}\n" for mark, call in enumerate(CALLS)).encode()


@pytest.fixture(scope="module")
def lab(lines: bytes) -> dict[int, list[str]]:
    cargo = ["cargo", "run", "--quiet", "--package", "busprobe-guest-copies", "--"]
    done = subprocess.run(
        [*cargo, str(parts.libc6())], cwd=SOURCE, input=lines, stdout=subprocess.PIPE, check=True
    )
    said: dict[int, list[str]] = {}
    for line in done.stdout.decode().splitlines():
        if line.isdigit():
            said[int(line)] = []
        else:
            said[list(said)[-1]].append(line)
    return said


@pytest.fixture(scope="module")
def bus(lines: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    files = {"copies.py": SOURCE / "guest/copies/copies.py", "calls": lines}
    at: Path = tmp_path_factory.mktemp("copies")
    done = run("python3 -E -S copies.py < calls", at, files)
    assert done.status == 0, done.output
    seen = experiments(done.log, VIRT.window)
    return {mark: [str(beat) for beat in seen[mark].beats] for mark in range(len(CALLS))}


@pytest.mark.parametrize("function", ["memcpy", "memmove", "memset"])
def test_the_lab_is_the_guest_s_bus_beat_for_beat(
    function: str, lab: dict[int, list[str]], bus: dict[int, list[str]]
) -> None:
    different = [
        call
        for mark, call in enumerate(CALLS)
        if mark != 0 and call.startswith(function) and lab[mark] != bus[mark]
    ]
    assert different == []


def test_a_pair_that_comes_first_to_a_page_is_begun_again(
    lab: dict[int, list[str]], bus: dict[int, list[str]]
) -> None:
    """The kernel sees a page's first write as a fault, and the CPU then makes the store anew.

    The copy stores 32 bytes at 0xff0; the half before the page's end was on the bus already. This
    is the one thing in which the lab, whose window has no pages, is not the guest.
    """
    begun = next(i for i, beat in enumerate(lab[0]) if beat.startswith("W addr 0xff0 "))
    again = lab[0][begun : begun + 4]
    assert bus[0] == lab[0][: begun + 4] + again + lab[0][begun + 4 :]
