"""Each CPython from 3.8 to 3.13 that is here: what its ways of access put on the bus, and why.

The interpreters of pyenv are tried beside the one that runs the tests, none of them changed.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from capture import MARK, trace

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


class Way(NamedTuple):
    statement: str
    accesses: "list[str]"


TWICE = ["W0/4", "W0/4"]

WAYS = [
    # One element of a view is one access.
    Way("mv[0] = 1", ["W0/4"]),
    Way("mv[1]", ["R4/4"]),
    # A slice goes to memcpy, which covers 16 to 32 bytes by a store of the first 16 and one of the
    # last 16, and 4 to 8 bytes likewise: of a block of exactly 16 or 4, the same store twice.
    Way("mv[0:4] = block", ["W0/16", "W0/16"]),
    Way("mv[0:1] = block[:1]", TWICE),
    Way("mv[0:6] = longer", ["W0/16", "W8/16"]),
    Way("mm[0:4] = b'abcd'", TWICE),
    Way("mm[0:4]", ["R0/4", "R0/4"]),
    # A list is made item by item.
    Way("mv[0:3].tolist()", ["R0/4", "R4/4", "R8/4"]),
    # One byte of an mmap is no slice.
    Way("mm[5] = 1", ["W5/1"]),
    Way("mm[5]", ["R5/1"]),
    # ctypes has a setter that can set some bits of a field, so it reads the whole field first.
    Way("(ctypes.c_uint32 * 4).from_buffer(mm)[1] = 7", ["R4/4", "W4/4"]),
    Way("(ctypes.c_uint32 * 4).from_buffer(mm)[1]", ["R4/4"]),
    Way("struct.unpack_from('<2I', mm, 4)", ["R4/4", "R8/4"]),
    # In the byte order of the machine, a field is one store; before that, all are zeroed.
    Way("struct.pack_into('=I', mm, 8, 5)", ["W8/4", "W8/4", "W8/4"]),
    # Equality loads an item of each side in turn.
    Way("mv[0:1] == mv[2:3]", ["R8/4", "R0/4"]),
]

PROGRAM = """
import ctypes, mmap, os, struct, sys
mm = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 65536)
mv = memoryview(mm).cast("I")
block, longer = (memoryview(bytes(n)).cast("I") for n in (16, 24))
"""

NUMPY = [
    # Numpy stores one item by itself, and hands a block to memcpy.
    Way("a[0] = 1", ["W0/4"]),
    Way("int(a[1])", ["R4/4"]),
    Way("a[0:2] = numpy.arange(2, dtype='u4')", ["W0/8", "W0/8"]),
    # A list is stored item by item, where a loop of its own stores one number as wide as it can.
    Way("a[0:3] = [1, 2, 3]", ["W0/4", "W4/4", "W8/4"]),
    # A step between the items leaves nothing to memcpy.
    Way("a[0:8:4] = numpy.arange(2, dtype='u4')", ["W0/4", "W10/4"]),
    Way("a[0:8:4].tolist()", ["R0/4", "R10/4"]),
]


def interpreters() -> "list[Path]":
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [next(iter(sorted(root.glob(f"versions/{v}.*/bin/python3"))), None) for v in VERSIONS]
    return [Path(sys.executable), *(path for path in found if path)]


def script(before: str, ways: "list[Way]") -> str:
    lines = [before]
    for mark, way in enumerate(ways, 1):
        lines += [way.statement, f"mv[{MARK // 4}] = {mark}"]
    return "\n".join(lines)


@pytest.mark.parametrize("python", interpreters(), ids=str)
def test_each_way_of_access_puts_on_the_bus_what_is_explained(python: Path, window: Path) -> None:
    seen = trace(window, [python, "-c", script(PROGRAM, WAYS), window])
    made = [Way(way.statement, part) for way, part in zip(WAYS, seen.parts())]
    assert made == WAYS
    assert seen.of("loss") == []


def test_numpy_stores_items_by_itself_and_blocks_by_memcpy(window: Path) -> None:
    before = PROGRAM + "import numpy\na = numpy.frombuffer(mm, 'u4')"
    seen = trace(window, [sys.executable, "-c", script(before, NUMPY), window])
    made = [Way(way.statement, part) for way, part in zip(NUMPY, seen.parts())]
    assert made == NUMPY
    assert seen.of("loss") == []


def test_threads_of_python_are_told_apart(window: Path) -> None:
    threads = """
import threading
def write(at):
    for i in range(200):
        mv[at] = i
each = [threading.Thread(target=write, args=[at]) for at in range(4)]
for thread in each: thread.start()
for thread in each: thread.join()
"""
    seen = trace(window, [sys.executable, "-c", PROGRAM + threads, window])
    by_thread: dict[int, list[tuple[int, int]]] = {}
    for access in seen.of("access"):
        item = (access["offset"] // 4, int(access["data"], 16))
        by_thread.setdefault(access["thread"], []).append(item)
    expected = [[(at, i) for i in range(200)] for at in range(4)]
    assert sorted(by_thread.values()) == expected


def test_a_child_made_by_multiprocessing_is_traced(window: Path) -> None:
    child = """
import multiprocessing
def write():
    mv[2] = 9
if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=write)
    child.start(); child.join()
    mv[3] = child.exitcode
"""
    seen = trace(window, [sys.executable, "-c", PROGRAM + child, window])
    assert seen.accesses() == ["W8/4", "Wc/4"]
    assert len({access["thread"] for access in seen.of("access")}) == 2


def test_a_program_that_maps_nothing_touches_nothing(window: Path) -> None:
    seen = trace(window, [sys.executable, "-c", "import json, sqlite3, subprocess"])
    assert seen.accesses() == []
    assert "nothing touched" in seen.summary


def test_the_function_of_libc_that_copies_is_named(window: Path) -> None:
    seen = trace(window, [sys.executable, "-c", f"{PROGRAM}mv[0:4] = block", window])
    (function,) = seen.functions()
    assert "memcpy" in function or "memmove" in function


def test_subprocess_is_followed_to_another_interpreter(window: Path) -> None:
    inner = f"{PROGRAM}mv[0] = 3"
    call = f"subprocess.check_call([sys.executable, '-c', {inner!r}, sys.argv[1]])"
    outer = f"import subprocess, sys; {call}"
    seen = trace(window, [sys.executable, "-c", outer, window])
    assert (seen.accesses(), seen.values()) == (["W0/4"], [3])
    assert subprocess.check_output(["od", "-An", "-tu4", "-N4", str(window)]).split() == [b"3"]
