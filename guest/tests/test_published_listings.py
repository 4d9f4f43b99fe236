"""What CPython and busybox put on the bus is what was published, line for line."""

import json
from pathlib import Path

import pytest

from guest.bus import experiments
from guest.job import run
from guest.machine import VIRT
from guest.tests import golden
from guest.tests.command import busprobe

# The statements of the question, each after a mark: 0xfff0 is the scalar write, a number below it
# the words of a slice.
PROGRAM = """
import mmap, os
fd = os.open("/dev/mem", os.O_RDWR)
mm = mmap.mmap(fd, 16384, offset=0x0a000000)
mv32 = memoryview(mm).cast("@I")
mark = 0x3ff0 // 4
mv32[mark] = 0xfff0
mv32[0] = 1
for words in 1, 2, 4, 8, 16, 32, 64, 128, 230, 256:
    numbers = [1, 0, 0, 0] if words == 1 else [x & 255 for x in range(4 * words)]
    data = memoryview(bytearray(numbers)).cast("@I")
    mv32[mark] = words
    mv32[0:0 + len(data)] = data
"""

JOB = f"""
python3 -E -S program.py || exit
busybox devmem {VIRT.window.base + VIRT.window.mark} 32 0xfff1
busybox devmem {VIRT.window.base} 32 0x01020304
busybox devmem {VIRT.window.base + VIRT.window.mark} 32 0xfff2
busybox devmem {VIRT.window.base} 64 0x0102030405060708
"""

MARKS = {"scalar": 0xFFF0, "devmem 32 0x01020304": 0xFFF1, "devmem 64 0x0102030405060708": 0xFFF2}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = run(JOB, tmp_path_factory.mktemp("listings"), {"program.py": PROGRAM.encode()})
    assert done.status == 0, done.output
    return done.log


@pytest.fixture(scope="module")
def bus(log: Path) -> dict[int, list[str]]:
    return {
        mark: [str(beat) for beat in seen.beats]
        for mark, seen in experiments(log, VIRT.window).items()
    }


LISTINGS = [name for name in golden.sections() if name != "table"]


def test_there_are_eight_listings_and_ten_rows() -> None:
    assert len(LISTINGS) == 8
    assert len(golden.sections()["table"]) == 10


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_is_the_bus_log_line_for_line(listing: str, bus: dict[int, list[str]]) -> None:
    mark = MARKS[listing] if listing in MARKS else int(listing.removeprefix("slice "))
    assert bus[mark] == golden.sections()[listing]


@pytest.mark.parametrize("row", golden.sections()["table"])
def test_a_row_of_the_table_is_the_number_of_writes(row: str, bus: dict[int, list[str]]) -> None:
    words, writes = map(int, row.split())
    assert len(bus[words]) == writes


def test_the_imported_log_has_the_same_accesses_between_the_same_marks(
    log: Path, bus: dict[int, list[str]]
) -> None:
    window = ["--window", "0x0a000000+16K", "--mark", hex(VIRT.window.base + VIRT.window.mark)]
    imported: dict[int, list[str]] = {}
    current: list[str] = []
    for line in busprobe("import", str(log), *window).splitlines():
        record = json.loads(line)
        if record["t"] == "mark":
            current = imported.setdefault(int(record["text"], 16), [])
        elif record["t"] == "access":
            data = int(record["data"], 16)
            current.append(
                f"{record['dir']} addr {record['offset']:#x} data {data:#x} size {record['size']}"
            )
    assert imported == bus
