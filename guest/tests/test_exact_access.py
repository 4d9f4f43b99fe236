"""Our accesses from Rust and from Python are on the bus as the contract has them.

N elements of a width are N accesses of that width, each once and in order, and nothing else. The
CPU issues them so, and the device, which takes 4 bytes at most, gets 64-bit elements as two beats,
the lower half first.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import NamedTuple

import pytest

from guest.bus import Beat, Experiment, experiments
from guest.job import BUS, ISSUED
from guest.machine import VIRT
from guest.tests import programs

WIDTHS = (8, 16, 32, 64)
# Marks are beyond.
ROOM = 0x3000


@dataclass(frozen=True)
class Asked:
    kind: str
    width: int
    offset: int
    count: int
    stride: int

    def accesses(self) -> list[Beat]:
        """What the contract says the CPU issues; a read's data is not known."""
        size = self.width // 8
        written = bytes(i & 0xFF for i in range(size * self.count))
        beats: list[Beat] = []
        for i in range(self.count):
            at = 0 if self.kind == "fill" else i * size
            data = int.from_bytes(written[at : at + size], "little")
            letter, data = ("R", 0) if self.kind == "read" else ("W", data)
            beats.append(Beat(letter, self.offset + i * self.stride, data, size))
        return beats


def neighbours(kind: str, width: int, offset: int, count: int) -> Asked:
    return Asked(kind, width, offset, count, width // 8)


def every_size() -> Iterator[Asked]:
    for count in [*range(1, 257), 257, 511, 1000, 1999, 2000]:
        yield neighbours("write", 32, 0, count)
    for width, count in itertools.product((8, 16, 64), [*range(1, 41), 63, 64, 65, 230, 256]):
        yield neighbours("write", width, 0, count)
    for width, count in itertools.product(WIDTHS, [*range(1, 18), 31, 32, 33, 64, 230, 256]):
        yield neighbours("read", width, 0, count)
        yield neighbours("fill", width, 0, count)


def every_offset() -> Iterator[Asked]:
    for width in WIDTHS:
        for offset in range(0, 64, width // 8):
            for count in (1, 3, 4, 16, 17):
                yield neighbours("write", width, offset, count)
    # Across the device's regions and pages.
    for offset, width in itertools.product((0x1F8, 0xFF8, 0x1FF0), WIDTHS):
        yield neighbours("write", width, offset, 64)
        yield neighbours("read", width, offset, 64)


def fixed_and_strided() -> Iterator[Asked]:
    for kind, width, count in itertools.product(("write", "read"), WIDTHS, (1, 2, 3, 16, 65)):
        size = width // 8
        for stride in (0, 2 * size, 3 * size, 16 * size, -size, -4 * size):
            yield Asked(kind, width, 0x1000, count, stride)
    for width in WIDTHS:
        yield Asked("fill", width, 0x40, 9, 0)


def by_chance() -> Iterator[Asked]:
    chance = random.Random(1)
    for _ in range(150):
        width, count = chance.choice(WIDTHS), chance.randint(1, 300)
        size = width // 8
        offset = chance.randrange(0, ROOM - count * size, size)
        yield neighbours(chance.choice(("write", "read", "fill")), width, offset, count)


ASKED = [*every_size(), *every_offset(), *fixed_and_strided(), *by_chance()]

# Nothing of these may come to the bus.
REFUSED = [
    neighbours("write", 32, 2, 1),
    neighbours("write", 64, 4, 3),
    neighbours("write", 16, 0x7F, 3),
    neighbours("read", 32, 0x3FFC, 3),
    neighbours("write", 32, 0, 0x1001),
    neighbours("fill", 8, 0x3FFF, 2),
]


class Ran(NamedTuple):
    bus: dict[int, Experiment]
    said: dict[int, str]


@pytest.fixture(scope="module", params=[programs.rust, programs.python])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    numbered = enumerate([*ASKED, *REFUSED])
    lines = [" ".join(map(str, (mark, *astuple(asked)))) for mark, asked in numbered]
    at = tmp_path_factory.mktemp("exact")
    done = request.param("mem:0x0a000000+16K", lines, at, [*BUS, *ISSUED])
    said = [line.partition(" ") for line in done.output.splitlines()]
    return Ran(experiments(done.log, VIRT.window), {int(mark): text for mark, _, text in said})


def without_data(beats: list[Beat]) -> list[Beat]:
    return [beat._replace(data=0) if beat.letter == "R" else beat for beat in beats]


def test_the_cpu_issues_each_element_once_in_order_at_its_width(ran: Ran) -> None:
    for mark, asked in enumerate(ASKED):
        in_page = [beat._replace(offset=beat.offset & 0xFFF) for beat in asked.accesses()]
        assert without_data(ran.bus[mark].issued) == in_page, asked


def test_the_device_gets_nothing_else(ran: Ran) -> None:
    for mark, asked in enumerate(ASKED):
        halves: list[Beat] = []
        for access in asked.accesses():
            if access.size == 8:
                low, high = access.data & 0xFFFF_FFFF, access.data >> 32
                halves.append(access._replace(data=low, size=4))
                halves.append(access._replace(offset=access.offset + 4, data=high, size=4))
            else:
                halves.append(access)
        assert without_data(ran.bus[mark].beats) == halves, asked


def test_what_was_read_is_what_the_cpu_was_given(ran: Ran) -> None:
    for mark, asked in enumerate(ASKED):
        given = ran.bus[mark].issued if asked.kind == "read" else []
        assert ran.said[mark].split() == [hex(beat.data) for beat in given], asked


def test_what_is_refused_never_comes_to_the_bus(ran: Ran) -> None:
    for mark, asked in enumerate(REFUSED, start=len(ASKED)):
        assert ran.bus[mark] == Experiment(), asked
        assert ran.said[mark].startswith("error: "), asked
