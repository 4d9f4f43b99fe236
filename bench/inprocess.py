"""What one access costs under `busprobe.trace`, and under others that see each access.

The work is a loop of stores to a mapped word, in C, so that nothing but the tools takes time. Once
it does nothing else; once it makes 100 loads of ordinary memory before each store, as code that
works out what it stores does: a tool that sees all accesses of a program pays for those too.

The cost is processor time, of all processes together: each tool runs the loop with N stores and
with 2 N, and the difference over N is the cost of a store without what starting takes. Rounds
alternate between the tools, and each figure is the median of all rounds.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROUNDS = 3

SOURCE = Path(__file__).with_name("loop.c")

WITHIN = """
import busprobe, ctypes, mmap, os, sys
library, window, count, loads = sys.argv[1:]
mm = mmap.mmap(os.open(window, os.O_RDWR), 4096)
loop = ctypes.CDLL(library).loop
word = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(mm)))
with busprobe.trace(mm) as t:
    loop(word, int(count), int(loads))
assert len(t) == int(count) and t[-1].data == int(count) - 1 and not t.losses
"""
"""The trace is complete, with all data, and working that out is part of the cost."""


class Tool(NamedTuple):
    """A way of seeing the stores."""

    name: str
    gives: str
    #: As many as take a second or so.
    stores: int
    #: The words before the program and its arguments.
    before: list[str]


TRACED = ["busprobe", "trace", "-o", "/dev/null", "--watch"]

TOOLS = [
    Tool("alone", "", 10_000_000, []),
    Tool("busprobe.trace", "size, data, instruction, line", 50_000, [sys.executable, "-c", WITHIN]),
    Tool("busprobe trace", "size, data, instruction", 10_000, TRACED),
    Tool("valgrind lackey", "size", 100_000, ["valgrind", "--tool=lackey", "--trace-mem=yes"]),
]


def seconds(tool: Tool, build: Path, stores: int, loads: int) -> float:
    """The processor time of a run, in seconds."""
    window = str(build / "window.bin")
    program = [str(build / ("loop.so" if WITHIN in tool.before else "loop"))]
    words = [*tool.before, window, "--"] if tool.before == TRACED else tool.before
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*words, *program, window, str(stores), str(loads)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def microseconds(tool: Tool, build: Path, loads: int) -> float:
    """What one store costs, in microseconds."""
    stores = tool.stores // (1 + loads // 10)
    once, twice = (seconds(tool, build, stores * times, loads) for times in (1, 2))
    return (twice - once) / stores * 1e6


def main() -> None:
    """Prints one line a tool."""
    for needed in ("busprobe", "valgrind", "cc"):
        if shutil.which(needed) is None:
            sys.exit(f"{needed} is not on PATH")
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder)
        (build / "window.bin").write_bytes(bytes(4096))
        for options in (["-o", "loop"], ["-shared", "-fPIC", "-o", "loop.so"]):
            subprocess.run(["cc", "-O2", *options, str(SOURCE)], check=True, cwd=build)
        costs: dict[tuple[str, int], list[float]] = {}
        for _ in range(ROUNDS):
            for tool in TOOLS:
                for loads in (0, 100):
                    found = costs.setdefault((tool.name, loads), [])
                    found.append(microseconds(tool, build, loads))
    load = os.getloadavg()[0]
    print(f"us of processor time a store, median of {ROUNDS} rounds; load average {load:.1f}")
    print(f"{'tool':<16} {'stores alone':>13} {'with 100 loads':>15}   gives")
    for tool in TOOLS:
        alone, among = (statistics.median(costs[tool.name, loads]) for loads in (0, 100))
        print(f"{tool.name:<16} {alone:13.3f} {among:15.3f}   {tool.gives}".rstrip())


if __name__ == "__main__":
    main()
