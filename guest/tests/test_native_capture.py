"""CPython under the native capture: nothing changes on the bus, and the trace has all of it.

On both machines, whose libcs copy in different ways.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from guest.bus import Beat, experiments
from guest.cross import build_command
from guest.errors import Unavailable
from guest.job import run
from guest.lowering import accesses, agree, beats
from guest.machine import PC, VIRT, Machine

# Every kind of access that the interpreter has, each after a mark. The first write to a page faults
# and is begun again, so it comes before all marks.
PROGRAM = """
import ctypes, mmap, os, struct, sys
base, length, at = map(int, sys.argv[1:])
fd = os.open("/dev/mem", os.O_RDWR)
mm = mmap.mmap(fd, length, offset=base)
mv32 = memoryview(mm).cast("@I")
mv32[at // 4] = 0
mv32[0] = 0
marks = 0
def mark():
    global marks
    marks += 1
    mv32[at // 4] = marks
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


@dataclass(frozen=True)
class Run:
    #: What came to the device, by marks.
    bus: dict[int, list[Beat]]
    #: What the trace says came there, if there is one.
    trace: dict[int, list[Beat]]


def by_mark(trace: str, machine: Machine) -> dict[int, list[Beat]]:
    seen: dict[int, list[Beat]] = {}
    current: list[Beat] = []
    records = [json.loads(line) for line in trace.splitlines()]
    assert [record for record in records if record["t"] == "loss"] == []
    for access in accesses(records):
        if access["offset"] == machine.window.mark:
            current = seen.setdefault(int(access["data"], 16), [])
        else:
            current += beats(access, most=4)
    return seen


def made(machine: Machine, before: str, at: Path) -> Run:
    """A run of the program, by the command that `before` begins."""
    window = " ".join(map(str, machine.window))
    try:
        busprobe = build_command(machine.architecture)
        files = {"program.py": PROGRAM.encode(), "busprobe": busprobe}
        script = f"mkdir out; touch out/trace.jsonl; {before} python3 -E -S program.py {window}"
        done = run(script, at, files, machine=machine)
    except Unavailable as why:
        pytest.skip(f"skipped: {why}")
    assert done.status == 0, done.output
    log = experiments(done.log, machine.window)
    bus = {mark: seen.beats for mark, seen in log.items()}
    return Run(bus, by_mark(done.files["trace.jsonl"].decode(), machine))


@pytest.fixture(scope="module", params=[VIRT, PC], ids=["aarch64", "x86-64"])
def machine(request: pytest.FixtureRequest) -> Machine:
    return request.param


@pytest.fixture(scope="module")
def untraced(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(machine, "", tmp_path_factory.mktemp("untraced"))


@pytest.fixture(scope="module")
def traced(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Run:
    base, length, _ = machine.window
    trace = f"./busprobe trace --watch mem:{base:#x}+{length} -o out/trace.jsonl --"
    return made(machine, trace, tmp_path_factory.mktemp("traced"))


def test_the_program_makes_accesses_of_every_kind(untraced: Run) -> None:
    empty = [mark for mark, beats in untraced.bus.items() if not beats]
    assert empty in ([0, max(untraced.bus)], [max(untraced.bus)])


def test_tracing_changes_nothing_on_the_bus(untraced: Run, traced: Run) -> None:
    assert traced.bus == untraced.bus


def test_the_trace_is_the_bus_beat_for_beat(traced: Run) -> None:
    assert traced.trace.keys() == traced.bus.keys()
    differing = [mark for mark in traced.bus if not agree(traced.trace[mark], traced.bus[mark])]
    assert differing == []
