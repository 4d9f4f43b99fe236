"""Each busprobe command, run in the guest, puts on the bus what it says and nothing else."""

from dataclasses import dataclass

import pytest

from guest.bus import Beat, experiments
from guest.cross import build_command
from guest.job import run
from guest.machine import VIRT

WINDOW = f"mem:{VIRT.window.base:#x}+16K"
BLOCK = bytes(range(40))

Beats = list[tuple[str, int, int, int]]


@dataclass(frozen=True)
class Case:
    command: str
    #: Direction, offset and size of each access, with the data of writes.
    beats: Beats
    status: int = 0


def writes(
    offset: int, *values: int, size: int = 4, step: int = 4
) -> list[tuple[str, int, int, int]]:
    return [("W", offset + i * step, value, size) for i, value in enumerate(values)]


def reads(offset: int, count: int, size: int = 4, step: int = 4) -> Beats:
    return [("R", offset + i * step, 0, size) for i in range(count)]


WORDS = [int.from_bytes(BLOCK[i : i + 4], "little") for i in range(0, len(BLOCK), 4)]

CASES = [
    Case(
        f"write {WINDOW} 0x0=0x11,0x22,0x33 0x40=1", writes(0, 0x11, 0x22, 0x33) + writes(0x40, 1)
    ),
    Case(f"write {WINDOW} 0x40=1,2,3 --fixed", writes(0x40, 1, 2, 3, step=0)),
    Case(f"write {WINDOW} 0x3=0xa,0xb --width 8", writes(3, 0xA, 0xB, size=1, step=1)),
    Case(f"write {WINDOW} 0x6=0xabcd --width 16", writes(6, 0xABCD, size=2)),
    Case(f"write {WINDOW} 0x8=0x1122334455667788 --width 64", writes(8, 0x55667788, 0x11223344)),
    Case(f"write {WINDOW} 0x10=7 --verify", writes(0x10, 7) + reads(0x10, 1), status=1),
    Case(f"write {WINDOW} 0x34:7:4=0xf", reads(0x34, 1) + writes(0x34, 0xF0)),
    Case(f"write {WINDOW} 0x0=1 --dry-run", []),
    Case(f"write {WINDOW} 0x0=1 0x2=1", [], status=2),
    Case(f"write {WINDOW} 0x3ffc=1,2", [], status=2),
    Case(f"read {WINDOW} 0x200", reads(0x200, 1)),
    Case(f"read {WINDOW} 0x200 --count 5", reads(0x200, 5)),
    Case(f"read {WINDOW} 0x201 --count 3 --width 8", reads(0x201, 3, size=1, step=1)),
    Case(f"fill {WINDOW} 0x100+1K=0xa5a5a5a5", writes(0x100, *[0xA5A5A5A5] * 256)),
    Case(f"load {WINDOW} block.bin 0x20", writes(0x20, *WORDS)),
    Case(f"devmem {VIRT.window.base:#x}", reads(0, 1)),
    Case(f"devmem {VIRT.window.base:#x} 32 0x01020304", writes(0, 0x01020304)),
    Case(f"devmem {VIRT.window.base:#x} 64 0x0102030405060708", writes(0, 0x05060708, 0x01020304)),
    Case(f"devmem {VIRT.window.base + 1:#x} b 7", writes(1, 7, size=1)),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> "list[tuple[int, list[Beat]]]":
    """Exit status and beats of each case."""
    script = ""
    for mark, case in enumerate(CASES):
        script += f"busybox devmem {VIRT.window.base + VIRT.window.mark} 32 {mark}\n"
        script += f"./busprobe {case.command} >>said 2>&1; echo $?\n"
    files = {"busprobe": build_command(), "block.bin": BLOCK}
    done = run(script, tmp_path_factory.mktemp("command"), files)
    statuses = [int(line) for line in done.output.splitlines()]
    seen = experiments(done.log, VIRT.window)
    return [(status, seen[mark].beats) for mark, status in enumerate(statuses)]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.command for case in CASES])
def test_a_command_puts_on_the_bus_what_it_says(
    number: int, ran: "list[tuple[int, list[Beat]]]"
) -> None:
    case, (status, beats) = CASES[number], ran[number]
    known = [
        (beat.letter, beat.offset, beat.data * (beat.letter == "W"), beat.size) for beat in beats
    ]
    assert (status, known) == (case.status, case.beats)
