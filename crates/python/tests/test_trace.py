"""Traces of this process: what they see, and that nothing else changes."""

import ctypes
import errno
import faulthandler
import mmap
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import busprobe
import pytest
import ways
from busprobe.traced import Access, Beat

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="a program can step itself on x86-64 only"
)


@pytest.fixture
def mm() -> Iterator[mmap.mmap]:
    with mmap.mmap(-1, 4096) as memory:
        yield memory


def test_a_block_is_a_sequence_of_accesses(mm: mmap.mmap) -> None:
    mv = memoryview(mm).cast("I")
    with busprobe.trace(mm) as t:
        mv[3] = 7
        assert len(t) == 1
        assert mv[3] == 7
    mv[3] = 8
    assert len(t) == 2
    write, read = t
    assert isinstance(write, Access)
    assert write[:5] == ("W", 12, 4, 7, threading.get_native_id())
    assert read[:4] == ("R", 12, 4, 7)
    assert t[-1] == read
    assert write.site is not None and "mov" in write.site
    assert str(t).startswith("W addr 0xc data 0x7 size 4   ")
    assert repr(t) == "<busprobe.Trace of mmap: 2 accesses>"
    assert (t.windows, t.losses) == (("mmap",), ())
    with pytest.raises(IndexError):
        t[2]
    mv.release()


def test_windows_views_and_buffers_are_watched() -> None:
    with busprobe.open("anon:4K") as dev, busprobe.trace(dev) as t:
        dev.u32[1] = 2
        dev.read_block(8, 2, width=16)
        dev.write_block(0x10, [1, 2], width=64)
    assert [access[:4] for access in t] == [
        ("W", 4, 4, 2),
        ("R", 8, 2, 0),
        ("R", 10, 2, 0),
        ("W", 0x10, 8, 1),
        ("W", 0x18, 8, 2),
    ]
    with mmap.mmap(-1, 4096) as memory:
        with memoryview(memory)[16:32] as part, busprobe.trace(part) as t:
            memory[16] = 1
            memory[40] = 1
        assert [access[:3] for access in t] == [("W", 0, 1)]
        with busprobe.view(memory, "H") as view, busprobe.trace(view) as t:
            view[1] = 5
        assert [access[:4] for access in t] == [("W", 2, 2, 5)]


def test_the_line_of_python_is_known(mm: mmap.mmap) -> None:
    view = busprobe.view(mm, "I")

    def poke(index: int) -> int:
        view[index] = 1
        return index

    first = poke.__code__.co_firstlineno + 1
    with busprobe.trace(mm) as t:
        for _ in range(3):
            poke(poke(3) + 1)
    here = f"{__file__}:{first}"
    assert [access.line for access in t] == [here] * 6
    assert t[0].site is not None and t[0].site.endswith(f"   test_trace.py:{first}")
    assert {verdict.line for verdict in t.verdicts()} == {here}
    view.release()


def test_what_cannot_be_watched_is_refused(mm: mmap.mmap) -> None:
    with pytest.raises(TypeError, match="at least one"):
        busprobe.trace()
    with pytest.raises(TypeError, match="int: a trace watches"):
        busprobe.trace(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="private memory"):
        with busprobe.trace(bytearray(4096)):
            pass
    device = busprobe.open("anon:4K")
    device.close()
    with pytest.raises(ValueError, match="closed"):
        busprobe.trace(device)
    with pytest.raises(ValueError, match="gaps"):
        busprobe.trace(memoryview(mm)[::2])
    from busprobe import sim

    with pytest.raises(ValueError, match="log of its own"):
        busprobe.trace(busprobe.open(sim.Device(4096)))
    t = busprobe.trace(mm)
    with pytest.raises(ValueError, match="not begun"):
        len(t)
    with t:
        pass
    with pytest.raises(ValueError, match="one block"):
        with t:
            pass


def test_a_watched_mmap_cannot_be_closed_and_can_afterwards(mm: mmap.mmap) -> None:
    with busprobe.trace(mm):
        with pytest.raises(BufferError):
            mm.close()
    mm.close()


def test_a_verdict_says_what_the_bus_saw(mm: mmap.mmap) -> None:
    mv, view = memoryview(mm).cast("I"), busprobe.view(mm, "I")
    with busprobe.trace(mm) as t:
        mv[0:4] = ways.words(4)
    verdict = t.verdict("W 0x0 4x32")
    assert not verdict.exact and not verdict
    assert "doubled" in verdict.classes
    assert verdict.words == str(verdict) and "8 writes for 4 words" in verdict.words
    assert verdict.beats[0] == Beat("W", 0, 4, 0x03020100)
    assert verdict.intent == "W 0x0 4x32" == t.verdict().intent
    assert verdict.remedy == 'busprobe.view(mm, "I")[0:4] = data'
    assert verdict.why
    with busprobe.trace(mm) as t:
        view[0:4] = ways.words(4)
    assert t.verdict("W 0x0 4x32", bus="device")
    with pytest.raises(ValueError, match="is no intent"):
        t.verdict("4 words")
    with pytest.raises(ValueError, match="bus"):
        t.verdict(bus="isa")
    mv.release()
    view.release()


def test_marks_divide_a_trace_into_operations(mm: mmap.mmap) -> None:
    view = busprobe.view(mm, "I")
    with busprobe.trace(mm) as t:
        busprobe.mark("one")
        view[0] = 1
        busprobe.mark("two")
        view[1] = 2
        assert view[1] == 2
    assert [verdict.intent for verdict in t.verdicts()] == [
        "W 0x0 1x32",
        "W 0x4 1x32",
        "R 0x4 1x32",
    ]
    with pytest.raises(ValueError, match="3 operations"):
        t.verdict()
    assert "MARK two" in str(t)
    view.release()


def test_a_trace_is_saved_and_loaded(mm: mmap.mmap, tmp_path: Path) -> None:
    with busprobe.trace(mm) as t:
        mm[3] = 1
    file = tmp_path / "trace.jsonl"
    t.save(file)
    again = busprobe.load(file)
    assert (list(again), str(again), again.windows) == (list(t), str(t), t.windows)
    (tmp_path / "other").write_text("no trace\n")
    with pytest.raises(ValueError, match="not a busprobe trace"):
        busprobe.load(tmp_path / "other")
    with pytest.raises(FileNotFoundError) as raised:
        busprobe.load(tmp_path / "none")
    assert raised.value.filename == str(tmp_path / "none")


def test_threads_lose_nothing(mm: mmap.mmap) -> None:
    count = 20_000
    mv = memoryview(mm).cast("I")

    def store(word: int) -> None:
        for value in range(count):
            mv[word] = value

    threads = [threading.Thread(target=store, args=(word,)) for word in range(4)]
    with busprobe.trace(mm) as t:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stores: Dict[int, List[Optional[int]]] = {}
    for access in t:
        stores.setdefault(access.offset, []).append(access.data)
    assert stores == {4 * word: list(range(count)) for word in range(4)}
    assert len({access.thread for access in t}) == 4
    assert t.losses == ()
    mv.release()


def test_a_timer_goes_on_meanwhile(mm: mmap.mmap) -> None:
    ticks: List[int] = []

    def tick(_signal: int, _frame: object) -> None:
        ticks.append(mm[100])

    before = signal.signal(signal.SIGALRM, tick)
    mv = memoryview(mm).cast("I")
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        with busprobe.trace(mm) as t:
            end = time.monotonic() + 0.2
            count = 0
            while time.monotonic() < end:
                mv[0] = count
                count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writes = [access.data for access in t if access.direction == "W"]
    assert writes == list(range(count))
    assert 1 < len(t) - len(writes) <= len(ticks)
    mv.release()


def protection(of: mmap.mmap) -> str:
    start = ctypes.addressof(ctypes.c_char.from_buffer(of))
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if begin <= start < end:
            return line.split()[1]
    raise AssertionError("it is mapped")


def test_an_exception_leaves_the_window_as_it_was(mm: mmap.mmap) -> None:
    t = busprobe.trace(mm)
    with pytest.raises(ZeroDivisionError):
        with t:
            mm[0] = 1
            assert protection(mm) == "---s"
            raise ZeroDivisionError
    assert protection(mm) == "rw-s"
    assert len(t) == 1


def test_a_system_call_into_the_window_is_told_of(mm: mmap.mmap) -> None:
    t = busprobe.trace(mm)
    with pytest.raises(OSError) as raised:
        with t, open("/dev/zero", "rb", 0) as zero:
            zero.readinto(memoryview(mm)[0:16])
    assert raised.value.errno == errno.EFAULT
    assert "a system call failed" in t.losses[0]


def test_two_traces_of_one_window_see_each_their_own(mm: mmap.mmap) -> None:
    with busprobe.trace(mm) as outer:
        mm[0] = 1
        with busprobe.trace(mm) as inner:
            mm[1] = 2
        mm[2] = 3
    assert [access.offset for access in outer] == [0, 1, 2]
    assert [access.offset for access in inner] == [1]


def test_a_window_that_is_opened_within_the_block_takes_no_faults_away(mm: mmap.mmap) -> None:
    view = busprobe.view(mm, "I")
    with busprobe.trace(mm) as t:
        view[0] = 1
        with busprobe.open("anon:4K") as other:
            other.u32[0] = 1
            view[1] = 2
    assert len(t) == 2
    view.release()


def test_a_bus_error_is_one_within_the_block(tmp_path: Path) -> None:
    file = tmp_path / "window.bin"
    file.write_bytes(bytes(8192))
    with busprobe.open(file) as dev:
        os.truncate(file, 4096)
        with busprobe.trace(dev) as t:
            dev.u32[0] = 1
            for _ in range(2):
                with pytest.raises(busprobe.BusError) as raised:
                    dev.write_block(4088, [1, 2, 3], width=32)
                assert (raised.value.completed, raised.value.offset) == (2, 4096)
            dev.u32[1] = 2
        assert [access.offset for access in t] == [0, 4088, 4092, 4088, 4092, 4]
        assert "ended in a signal (SIGBUS)" in t.losses[0]


def run(program: str) -> "subprocess.CompletedProcess[str]":
    prelude = "import busprobe, faulthandler, mmap, os, sys\nmm = mmap.mmap(-1, 4096)\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + program], capture_output=True, text=True, timeout=60
    )


def test_faulthandler_that_was_enabled_before_still_reports(mm: mmap.mmap) -> None:
    assert faulthandler.is_enabled()
    with busprobe.trace(mm) as t:
        mm[0] = 1
    assert len(t) == 1
    done = run(
        "faulthandler.enable()\nwith busprobe.trace(mm) as t:\n"
        " mm[0] = 1\n print(len(t), flush=True)\n faulthandler._sigsegv()\n"
    )
    assert done.returncode == -signal.SIGSEGV
    assert done.stdout == "1\n"
    assert "Fatal Python error: Segmentation fault" in done.stderr


def test_faulthandler_that_is_enabled_within_the_block_is_told_of() -> None:
    done = run(
        "with busprobe.trace(mm) as t:\n mm[0] = 1\n faulthandler.enable()\n"
        "print(len(t), t.losses[0])\n"
        "with busprobe.trace(mm) as t:\n mm[0] = 1\n"
        "print(len(t), t.losses)\n"
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("1 another handler for SIGSEGV")
    assert second == "1 ()"


def test_a_forked_child_has_the_window_back() -> None:
    done = run(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        "with busprobe.trace(mm) as t:\n"
        " mm[0] = 1\n child = os.fork()\n"
        " if child == 0: mm[1] = mm[0] + 1\n"
        "if child == 0: os._exit(7 if len(t) == 0 and t.losses else 1)\n"
        "print(os.waitpid(child, 0)[1] >> 8, mm[1], len(t), t.losses)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("7 2 1 ('the program forked")


def test_children_of_multiprocessing_have_traces_of_their_own() -> None:
    done = run(
        "import multiprocessing, warnings\nwarnings.simplefilter('ignore')\n"
        "def child(index):\n"
        " with busprobe.trace(mm) as t: mm[index] = 1\n"
        " return [access.offset for access in t], t.losses\n"
        "with busprobe.trace(mm):\n"
        " with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "  print(pool.map(child, range(4)))\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{[([index], ()) for index in range(4)]}\n"


def test_a_trace_that_is_never_left_ends_with_the_process() -> None:
    done = run("t = busprobe.trace(mm).__enter__()\nmm[0] = 1\nprint(len(t))\n")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
