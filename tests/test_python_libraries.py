"""The libraries that Python programs reach devices by, as they are on PyPI."""

import sys
from pathlib import Path

import pytest

import peers
from capture import MARK, trace

BEFORE = f"""
import sys
sys.path.insert(0, {str(Path(peers.__file__).parent)!r})
import peers
sys.path.insert(0, str(peers.PEERS))
import mmap, os
def mark(number):
    mv[{MARK // 4}] = number
mm = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 65536)
mv = memoryview(mm).cast("I")
"""


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    peers.install()


def parts(window: Path, before: str, statements: "list[str]") -> "list[list[str]]":
    lines = [f"{line}; mark({mark})" for mark, line in enumerate(statements, 1)]
    script = "\n".join([BEFORE, before, *lines])
    return trace(window, [sys.executable, "-c", script, window]).parts()


def test_periphery_reads_before_it_writes_and_copies_blocks_by_memcpy(window: Path) -> None:
    before = "from periphery import MMIO\nmmio = MMIO(0, 65536, path=sys.argv[1])"
    ways = {
        "mmio.read32(0x10)": ["R10/4"],
        # A ctypes value over the mapping: but for bytes its setter reads the field first.
        "mmio.write32(0x10, 5)": ["R10/4", "W10/4"],
        "mmio.write16(0x22, 5)": ["R22/2", "W22/2"],
        "mmio.write8(0x33, 5)": ["W33/1"],
        # Slices of the mmap: memcpy, whose last store covers the first again.
        "mmio.write(0x40, bytes(4))": ["W40/4", "W40/4"],
        "mmio.write(0x40, bytes(16))": ["W40/16", "W40/16"],
        "mmio.read(0x40, 4)": ["R40/4", "R40/4"],
    }
    assert parts(window, before, list(ways)) == list(ways.values())


def test_pynq_makes_one_access_a_word(window: Path) -> None:
    before = "from pynq.mmio import MMIO\nmmio = MMIO(0, 65536, device=peers.MappedDevice(mm))"
    ways = {
        # An item of a numpy array, read and written by itself.
        "mmio.read(0x10)": ["R10/4"],
        "mmio.write(0x10, 5)": ["W10/4"],
        # A width below 32 bits is a mask of the whole word: the bus sees 32 bits.
        "mmio.read(0x10, 1)": ["R10/4"],
        # 64 bits are two reads; with the words in either order, the lower address is read first.
        "mmio.read(0x10, 8)": ["R10/4", "R14/4"],
        "mmio.read(0x10, 8, 'big')": ["R10/4", "R14/4"],
        # Bytes are written by a loop over words.
        "mmio.write(0x20, bytes(12))": ["W20/4", "W24/4", "W28/4"],
        # But its array is numpy's, and a slice of it goes to memcpy.
        "mmio.array[0:4] = mmio.array[8:12]": ["R20/16", "R20/16", "W0/16", "W0/16"],
    }
    assert parts(window, before, list(ways)) == list(ways.values())
