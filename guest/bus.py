"""Reads QEMU's log of the window, apart from busprobe's own importer, to judge both."""

import re
from pathlib import Path

from guest.machine import WINDOW_BASE, WINDOW_LENGTH

# A 32-bit write of a value here begins the experiment that the value names.
MARK = 0x3FF0

LINE = re.compile(
    r"memory_region_ops_(read|write) cpu \S+ mr \S+ "
    r"addr 0x([0-9a-f]+) value 0x([0-9a-f]+) size (\d+) name "
)


def experiments(log: Path) -> dict[int, list[str]]:
    """What the bus saw after each mark, as `W addr 0x0 data 0x1 size 4`, offsets in the window."""
    seen: dict[int, list[str]] = {}
    current: list[str] = []
    with log.open(errors="replace") as lines:
        for line in lines:
            match = LINE.match(line)
            if match is None:
                continue
            offset, value = int(match[2], 16) - WINDOW_BASE, int(match[3], 16)
            if not 0 <= offset < WINDOW_LENGTH:
                continue
            if offset == MARK:
                current = seen.setdefault(value, [])
            else:
                letter = "W" if match[1] == "write" else "R"
                current.append(f"{letter} addr {offset:#x} data {value:#x} size {match[4]}")
    return seen
