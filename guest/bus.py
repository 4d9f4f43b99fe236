"""Reads QEMU's log of a range of the bus, apart from busprobe's own importer, to judge both."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

LINE = re.compile(
    r"memory_region_(ops|subpage)_(read|write) cpu \S+ mr \S+ "
    r"(?:addr|offset) 0x([0-9a-f]+) value 0x([0-9a-f]+) size (\d+)"
)


class Region(NamedTuple):
    """A range of the bus whose accesses are looked at."""

    base: int
    length: int
    #: A 32-bit write of a value at this offset begins the experiment that the value names.
    mark: int


class Beat(NamedTuple):
    """One access; its text is as busprobe writes it."""

    letter: str
    offset: int
    data: int
    size: int

    def __str__(self) -> str:
        return f"{self.letter} addr {self.offset:#x} data {self.data:#x} size {self.size}"


@dataclass
class Experiment:
    """What QEMU logged after one mark."""

    #: What came to the device, offsets in the region.
    beats: list[Beat] = field(default_factory=list[Beat])
    #: What the CPU issued, when those events were asked for; offsets in the 4 KiB page.
    issued: list[Beat] = field(default_factory=list[Beat])


def experiments(log: Path, region: Region) -> dict[int, Experiment]:
    """The experiments by their marks."""
    current = Experiment()
    seen: dict[int, Experiment] = {}
    with log.open(errors="replace") as lines:
        for line in lines:
            match = LINE.match(line)
            if match is None:
                continue
            view, direction = match[1], match[2]
            offset, data, size = int(match[3], 16), int(match[4], 16), int(match[5])
            # What a device answers may be wider than what was asked for.
            data &= (1 << 8 * size) - 1
            letter = direction[0].upper()
            if view == "subpage":
                current.issued.append(Beat(letter, offset, data, size))
                continue
            offset -= region.base
            if (letter, offset) == ("W", region.mark):
                # That the CPU issued the mark was logged just before.
                del current.issued[-1:]
                current = seen.setdefault(data, Experiment())
            elif 0 <= offset < region.length:
                current.beats.append(Beat(letter, offset, data, size))
    return seen
