"""The native capture in the guest: it changes nothing on the bus, and sees all that is there."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest.bus import MARK, Beat, experiments
from guest.cross import build
from guest.job import run
from guest.machine import WINDOW_BASE

# Every kind of access that the interpreter has, each after a mark. The first write to a page faults
# and is begun again, so it comes before all marks.
PROGRAM = """
import ctypes, mmap, os, struct
fd = os.open("/dev/mem", os.O_RDWR)
mm = mmap.mmap(fd, 16384, offset=0x0a000000)
mv32 = memoryview(mm).cast("@I")
mv32[0x3ff0 // 4] = 0
mv32[0] = 0
marks = 0
def mark():
    global marks
    marks += 1
    mv32[0x3ff0 // 4] = marks
data = memoryview(bytes(x & 255 for x in range(1024)))
mark(); mv32[0] = 1
mark(); mv32[3]
for words in 1, 2, 3, 4, 5, 7, 8, 15, 16, 32, 33, 64, 128, 230, 256:
    mark(); mv32[0:words] = data.cast("I")[:words]
    mark(); bytes(mv32[0:words])
mark(); mm[16:80] = data[:64]
mark(); struct.pack_into("<4I", mm, 32, 1, 2, 3, 4)
mark(); struct.unpack_from("<4I", mm, 32)
array = (ctypes.c_uint32 * 64).from_buffer(mm)
mark(); array[5] = 7
mark(); array[8:12] = [1, 2, 3, 4]
mark(); ctypes.memset(array, 0x5a, 96)
mark(); ctypes.memmove(array, bytes(data), 200)
mark(); (ctypes.c_uint64 * 8).from_buffer(mm)[3] = 0x0102030405060708
mark(); (ctypes.c_uint16 * 8).from_buffer(mm)[1] = 0x0102
mark(); mm[5] = 9
mark()
"""

TRACE = f"--watch mem:{WINDOW_BASE:#x}+16K -o /job/out/trace.jsonl"


UNKNOWN = -1


def beats_of(record: "dict[str, object]") -> "Iterator[Beat]":
    """What the device gets of an access in QEMU 7.2: 4 bytes at most.

    Of each 8 bytes that are not aligned, a store becomes the single bytes, and a load the two
    aligned ones that they lie in; what else is in those, the trace does not say.
    """
    letter, offset, size = str(record["dir"]), int(str(record["offset"])), int(str(record["size"]))
    data = int(str(record["data"]), 16).to_bytes(size, "little")
    step = min(size, 4)
    if offset % min(size, 8) == 0:
        places = range(offset, offset + size, step)
    elif letter == "W":
        step = 1
        places = range(offset, offset + size)
    else:
        around = (range(at & ~7, (at & ~7) + 16, 4) for at in range(offset, offset + size, 8))
        places = itertools.chain(*around)
    for at in places:
        known = data[at - offset : at - offset + step] if at >= offset else b""
        value = int.from_bytes(known, "little") if len(known) == step else UNKNOWN
        yield Beat(letter, at, value, step)


def agree(trace: "list[Beat]", bus: "list[Beat]") -> bool:
    return len(trace) == len(bus) and all(
        seen._replace(data=UNKNOWN) == beat if beat.data == UNKNOWN else seen == beat
        for beat, seen in zip(trace, bus)
    )


def by_mark(trace: str) -> "dict[int, list[Beat]]":
    seen: dict[int, list[Beat]] = {}
    current: list[Beat] = []
    for line in trace.splitlines():
        record = json.loads(line)
        if record["t"] != "access":
            assert record["t"] != "loss", record
        elif record["offset"] == MARK:
            current = seen.setdefault(int(record["data"], 16), [])
        else:
            current += beats_of(record)
    return seen


def log_of(command: str, at: Path) -> "tuple[dict[int, list[Beat]], str]":
    files = {"program.py": PROGRAM.encode(), "busprobe": build("-p", "busprobe")}
    done = run(f"mkdir out; touch out/trace.jsonl; {command}", at, files)
    assert done.status == 0, done.output
    beats = {mark: seen.beats for mark, seen in experiments(done.log).items()}
    return beats, done.files["trace.jsonl"].decode()


@pytest.fixture(scope="module")
def untraced(tmp_path_factory: pytest.TempPathFactory) -> "dict[int, list[Beat]]":
    return log_of("python3 -E -S program.py", tmp_path_factory.mktemp("untraced"))[0]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> "tuple[dict[int, list[Beat]], str]":
    command = f"./busprobe trace {TRACE} -- python3 -E -S program.py"
    return log_of(command, tmp_path_factory.mktemp("traced"))


def test_the_program_makes_accesses_of_every_kind(untraced: "dict[int, list[Beat]]") -> None:
    empty = [mark for mark, beats in untraced.items() if not beats]
    assert empty == [0, max(untraced)] or empty == [max(untraced)]


def test_tracing_changes_nothing_on_the_bus(
    untraced: "dict[int, list[Beat]]", traced: "tuple[dict[int, list[Beat]], str]"
) -> None:
    assert traced[0] == untraced


def test_the_trace_is_the_bus_beat_for_beat(
    traced: "tuple[dict[int, list[Beat]], str]",
) -> None:
    bus, trace = traced
    lowered = by_mark(trace)
    assert lowered.keys() == bus.keys()
    assert [mark for mark in bus if not agree(lowered[mark], bus[mark])] == []
