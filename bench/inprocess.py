"""What one access costs under `busprobe.trace`, and under others that see each access.

The work is a loop of stores to a mapped word. Each tool runs it with N turns and with 2 N: the
difference over N is the cost of a turn, without what starting takes. Rounds alternate between the
tools, since the machine's speed drifts, and the ratios are those of one round.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5

WORK = """
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
mm = mmap.mmap(fd, 4096)
mv = memoryview(mm).cast("I")
turns = int(sys.argv[2])
def work():
    for value in range(turns):
        mv[0] = value
{run}
"""

WITHIN = """
import busprobe
with busprobe.trace(mm) as t:
    work()
assert len(t) == turns and t[-1].data == turns - 1 and not t.losses
"""

TOOLS: dict[str, tuple[list[str], str, int]] = {
    "alone": ([], "work()", 1_000_000),
    "busprobe.trace": ([], WITHIN, 20_000),
    "busprobe trace": (["busprobe", "trace", "-o", "/dev/null", "--watch"], "work()", 5_000),
    "valgrind lackey": (["valgrind", "--tool=lackey", "--trace-mem=yes"], "work()", 5_000),
}
"""Each tool: the words before the command, what the program runs, and how many turns."""


def seconds(tool: list[str], run: str, turns: int, window: Path) -> float:
    """How long the whole command takes, in seconds."""
    words = [*tool, str(window), "--"] if "--watch" in tool else tool
    program = [sys.executable, "-c", WORK.format(run=run), str(window), str(turns)]
    start = time.perf_counter()
    subprocess.run(
        [*words, *program], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def microseconds(tool: list[str], run: str, turns: int, window: Path) -> float:
    """What one turn takes, in microseconds."""
    once, twice = (seconds(tool, run, turns * times, window) for times in (1, 2))
    return (twice - once) / turns * 1e6


def main() -> None:
    """Prints one line a tool."""
    for needed in ("busprobe", "valgrind"):
        if shutil.which(needed) is None:
            sys.exit(f"{needed} is not on PATH")
    with tempfile.TemporaryDirectory() as folder:
        window = Path(folder) / "window.bin"
        window.write_bytes(bytes(4096))
        costs: dict[str, list[float]] = {name: [] for name in TOOLS}
        for _ in range(ROUNDS):
            for name, (tool, run, turns) in TOOLS.items():
                costs[name].append(microseconds(tool, run, turns, window))
    ours = costs["busprobe.trace"]
    print(f"{'tool':<16} {'us a store':>11}  times busprobe.trace, median of {ROUNDS} rounds")
    for name, found in costs.items():
        ratio = statistics.median(cost / own for cost, own in zip(found, ours))
        print(f"{name:<16} {statistics.median(found):11.2f}  {ratio:.2f}")


if __name__ == "__main__":
    main()
