"""Real SIGBUS: a file that is cut off behind a window's back."""

import faulthandler
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Iterator, List

import busprobe
import pytest

PAGE = mmap.PAGESIZE


@pytest.fixture
def half(tmp_path: Path) -> Iterator[busprobe.Window]:
    """A window of two pages, of which the second answers with SIGBUS."""
    file = tmp_path / "half.bin"
    file.write_bytes(bytes(2 * PAGE))
    with busprobe.open(file) as window:
        os.truncate(file, PAGE)
        yield window


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_a_scalar_that_faults_is_a_bus_error(half: busprobe.Window, width: int) -> None:
    view = {8: half.u8, 16: half.u16, 32: half.u32, 64: half.u64}[width]
    element = PAGE // view.itemsize
    with pytest.raises(OSError, match=f"SIGBUS on an? {width}-bit read at offset 0x1000") as read:
        view[element]
    with pytest.raises(busprobe.BusError) as written:
        view[element] = 1
    assert isinstance(read.value, busprobe.BusError)
    for error, direction in [(read.value, "read"), (written.value, "write")]:
        found = (error.offset, error.address, error.width, error.direction, error.completed)
        assert found == (PAGE, None, width, direction, 0)
    assert view[0] == 0


def test_a_block_that_faults_says_how_far_it_came(half: busprobe.Window) -> None:
    with pytest.raises(busprobe.BusError, match="after 2 completed accesses") as error:
        half.write_block(PAGE - 8, [1, 2, 3, 4])
    assert (error.value.completed, error.value.offset) == (2, PAGE)
    out = bytearray(16)
    with pytest.raises(busprobe.BusError) as error:
        half.read_block(PAGE - 8, 4, out=out)
    assert error.value.completed == 2
    assert out == b"\1\0\0\0\2\0\0\0" + bytes(8)
    with pytest.raises(busprobe.BusError):
        half.u32[PAGE // 4 - 2 : PAGE // 4 + 2]


def test_faults_in_threads_are_each_their_own(half: busprobe.Window) -> None:
    counts: List[int] = []

    def fault(thread: int) -> None:
        for _ in range(200):
            with pytest.raises(busprobe.BusError) as error:
                half.fill(PAGE - 4 * thread, 0, 8)
            counts.append(error.value.completed - thread)

    threads = [threading.Thread(target=fault, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [0] * 800


SCRIPT = """
import faulthandler, mmap, os, sys, busprobe
{before}
with open(sys.argv[1], "wb") as file:
    file.truncate(2 * mmap.PAGESIZE)
dev = busprobe.open(sys.argv[1])
os.truncate(sys.argv[1], mmap.PAGESIZE)
try:
    dev.u32[1024] = 1
except busprobe.BusError as error:
    print(error)
{after}
"""


def run(
    path: Path, *options: str, before: str = "", after: str = ""
) -> "subprocess.CompletedProcess[str]":
    script = SCRIPT.format(before=before, after=after)
    command = [sys.executable, *options, "-c", script, str(path / "w.bin")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


EXPECTED = "SIGBUS on a 32-bit write at offset 0x1000, after 0 completed accesses\n"


@pytest.mark.parametrize("options", [(), ("-X", "faulthandler")])
def test_a_fault_is_an_error_with_and_without_the_faulthandler(
    tmp_path: Path, options: "tuple[str, ...]"
) -> None:
    done = run(tmp_path, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, "")


def test_a_faulthandler_that_is_enabled_later_still_leaves_us_the_fault(tmp_path: Path) -> None:
    done = run(tmp_path, before='busprobe.open("anon:4K"); faulthandler.enable()')
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, "")


@pytest.mark.parametrize("before", ["", "faulthandler.enable()"])
def test_a_fault_of_anyone_else_ends_the_process_as_ever(tmp_path: Path, before: str) -> None:
    done = run(tmp_path, before=before, after="import ctypes; ctypes.string_at(0)")
    assert (done.returncode, done.stdout) == (-11, EXPECTED)
    assert ("Fatal Python error: Segmentation fault" in done.stderr) == bool(before)


def test_the_tests_themselves_run_with_the_faulthandler_on() -> None:
    assert faulthandler.is_enabled()
