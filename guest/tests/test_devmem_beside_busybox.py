"""`busprobe devmem` says what busybox devmem says, and puts the same on the bus."""

from pathlib import Path
from typing import NamedTuple, Union

import pytest

from guest.bus import Beat, experiments
from guest.cross import build_command
from guest.job import run
from guest.machine import VIRT

ADDRESS = f"{VIRT.window.base:#x}"

GOOD = [
    ADDRESS,
    f"{VIRT.window.base + 1:#x} 8",
    f"{VIRT.window.base + 2:#x} 16",
    f"{ADDRESS} 32",
    f"{ADDRESS} 64",
    f"{VIRT.window.base + 3:#x} 8 0xa5",
    f"{VIRT.window.base + 6:#x} 16 0xbeef",
    f"{ADDRESS} 32 0x01020304",
    f"{ADDRESS} 64 0x0102030405060708",
    f"{ADDRESS} b 7",
    f"{ADDRESS} w 0x11223344",
    f"{ADDRESS} 32 10",
]
# A word too many is the one thing that busybox passes over and busprobe refuses.
BAD = ["", f"{ADDRESS} 12", f"{ADDRESS} 32 rubbish"]


class Ran(NamedTuple):
    status: int
    said: str
    beats: "list[tuple[str, int, int, int]]"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, list[Ran]]":
    """What busybox and busprobe did with each line of arguments."""
    commands = [
        f"{program} devmem {arguments}"
        for arguments in [*GOOD, *BAD]
        for program in ("busybox", "./busprobe")
    ]
    script = ""
    for mark, command in enumerate(commands):
        script += f"busybox devmem {VIRT.window.base + VIRT.window.mark} 32 {mark}\n"
        script += f"{command} 2>&1; echo STATUS $?\n"
    files: dict[str, Union[bytes, Path]] = {"busprobe": build_command()}
    done = run(script, tmp_path_factory.mktemp("devmem"), files)
    seen = experiments(done.log, VIRT.window)
    parts = done.output.split("STATUS ")
    results: dict[str, list[Ran]] = {}
    said = parts[0]
    for mark, (command, part) in enumerate(zip(commands, parts[1:])):
        status, _, rest = part.partition("\n")
        arguments = command.partition(" devmem ")[2]
        results.setdefault(arguments, []).append(
            Ran(int(status), said, [known(beat) for beat in seen[mark].beats])
        )
        said = rest
    return results


def known(beat: Beat) -> "tuple[str, int, int, int]":
    return (beat.letter, beat.offset, beat.data, beat.size)


@pytest.mark.parametrize("arguments", GOOD)
def test_what_busybox_does_busprobe_does(arguments: str, ran: "dict[str, list[Ran]]") -> None:
    busybox, busprobe = ran[arguments]
    assert busprobe == busybox
    assert busprobe.beats


@pytest.mark.parametrize("arguments", BAD)
def test_what_busybox_refuses_busprobe_refuses(arguments: str, ran: "dict[str, list[Ran]]") -> None:
    busybox, busprobe = ran[arguments]
    assert (busybox.status, busybox.beats) == (1, [])
    assert (busprobe.status, busprobe.beats) == (1, [])
    assert busprobe.said.splitlines()[-1] in busybox.said.replace("BusyBox", "busprobe")
