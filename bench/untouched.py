"""What `busprobe trace` costs a program that never touches the window.

Runs the program alone and under the trace in turn, and prints the ratio of each
pair: the machine's speed drifts, the ratio of neighbours does not.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

PAIRS = 15

PROGRAMS = {
    "arithmetic": "sum(i * i for i in range(8_000_000))",
    "imports": "import json, http.client, email, unittest, asyncio, decimal, sqlite3",
    "files": "for _ in range(60_000): open('/dev/null').close()",
    "mappings": "import mmap\nfor _ in range(3_000): mmap.mmap(-1, 4096).close()",
}


def seconds(command: list[str]) -> float:
    """How long the command takes, in seconds."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Prints one line a program."""
    with tempfile.NamedTemporaryFile() as window:
        window.truncate(4096)
        trace = ["busprobe", "trace", "--watch", window.name, "-o", "/dev/null", "--"]
        print(f"{'program':<12} {'alone':>8} {'traced':>8}  traced/alone of {PAIRS} pairs")
        for name, program in PROGRAMS.items():
            command = [sys.executable, "-c", program]
            pairs = [(seconds(command), seconds(trace + command)) for _ in range(PAIRS)]
            alone = statistics.median(pair[0] for pair in pairs)
            traced = statistics.median(pair[1] for pair in pairs)
            ratios = sorted(pair[1] / pair[0] for pair in pairs)
            print(
                f"{name:<12} {alone:7.3f}s {traced:7.3f}s  median {statistics.median(ratios):.3f}, "
                f"from {ratios[0]:.3f} to {ratios[-1]:.3f}"
            )


if __name__ == "__main__":
    main()
