"""What `busprobe trace` costs a program that never touches the window.

Runs each program alone and under the trace in turn, and prints the ratio of each pair: the
machine's speed drifts, the ratio of neighbours does not. The CPU time is that of program and tracer
together. What other programs do to it is only ever more, so of all runs the least of it is compared
too, and what is wanted is wanted of that.

Programs that work for a second or more come first, and it is of them that something is wanted. Then
those that do nothing but call the system, which feel the filter, and those that start processes,
which are followed; then short ones, for which starting the tracer is much.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

PAIRS = 9
# How much slower a program that works may be.
WANTED = 0.02

STANDARD_LIBRARY = """
import pathlib, sysconfig
paths = sorted(pathlib.Path(sysconfig.get_path('stdlib')).glob('*.py'))
"""

WORK = {
    "arithmetic": "sum(i * i for i in range(20_000_000))",
    "compiling": STANDARD_LIBRARY
    + "for path in paths[:220]: compile(path.read_bytes(), path, 'exec')",
    "text": STANDARD_LIBRARY
    + """
import collections, json, re
text = ''.join(path.read_text('utf-8', 'replace') for path in paths)
words = collections.Counter(re.findall(r'\\w+', text))
for _ in range(24): words = json.loads(json.dumps(dict(sorted(words.items(), key=lambda w: w[1]))))
""",
}

CALLS = {
    "files": "for _ in range(60_000): open('/dev/null').close()",
    "mappings": "import mmap\nfor _ in range(3_000): mmap.mmap(-1, 4096).close()",
    "processes": "import subprocess\nfor _ in range(200): subprocess.run(['true'])",
}

SHORT = {
    "nothing": "pass",
    "imports": "import json, http.client, email, unittest, asyncio, decimal, sqlite3",
}


class Cost(NamedTuple):
    """What a run took, in seconds."""

    wall: float
    cpu: float


def cost(command: list[str]) -> Cost:
    """Runs the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(name: str, program: str, trace: list[str]) -> float:
    """Prints a line of the program's pairs; how its least CPU time grew, for 2 % 0.02."""
    command = [sys.executable, "-c", program]
    pairs = [(cost(command), cost([*trace, *command])) for _ in range(PAIRS)]
    alone, traced = (statistics.median(run.wall for run in runs) for runs in zip(*pairs))
    wall, cpu = (statistics.median(b[i] / a[i] for a, b in pairs) for i in range(2))
    least_alone, least_traced = (min(run.cpu for run in runs) for runs in zip(*pairs))
    growth = least_traced / least_alone - 1
    print(f"  {name:<12} {alone:7.3f}s {traced:7.3f}s {wall:9.3f} {cpu:9.3f} {1 + growth:15.3f}")
    return growth


def main() -> None:
    """Prints one line a program."""
    with tempfile.NamedTemporaryFile() as window:
        window.truncate(4096)
        trace = ["busprobe", "trace", "--watch", window.name, "-o", "/dev/null", "--"]
        heads = [f"{'program':<14} {'alone':>8} {'traced':>8}", f"{'wall':>9} {'CPU':>9}"]
        print(f"{'':<32} traced/alone, {PAIRS} pairs")
        print(*heads, f"{'least CPU time':>15}")
        worked = [compare(name, program, trace) for name, program in WORK.items()]
        for group in (CALLS, SHORT):
            print()
            for name, program in group.items():
                compare(name, program, trace)
    most = max(worked)
    met = "met" if most <= WANTED else "missed"
    print(f"\nWanted: programs that work at most {WANTED:.0%} slower; {most:.1%} at most: {met}.")


if __name__ == "__main__":
    main()
