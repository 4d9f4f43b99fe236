"""Import of a QEMU log, beside tools that only count the addresses in it.

    python3 bench/import.py [LINES]

busprobe makes a trace of every line; awk, pandas and DuckDB count the distinct addresses and forget
the rest. Each has one core. Times are CPU seconds, the best of three.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Tuple

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
ROUNDS = 3
WANTED = 3_000_000
REPOSITORY = Path(__file__).resolve().parent.parent

PANDAS = """
import sys, pandas
names = pandas.read_csv(sys.argv[1], sep=" ", header=None, usecols=[6], dtype=str, engine="c")
print(names[6].nunique())
"""

DUCKDB = """
import sys, duckdb
duckdb.execute("SET threads = 1")
print(duckdb.execute(
    "SELECT count(DISTINCT address) FROM read_csv(?, delim=' ', header=false, all_varchar=true,"
    " columns={'e':'VARCHAR','c':'VARCHAR','cpu':'VARCHAR','m':'VARCHAR','mr':'VARCHAR',"
    " 'a':'VARCHAR','address':'VARCHAR','v':'VARCHAR','value':'VARCHAR','s':'VARCHAR',"
    " 'size':'VARCHAR','n':'VARCHAR','name':'VARCHAR'})", [sys.argv[1]]).fetchone()[0])
"""


def write_log(path: Path) -> None:
    """A log as QEMU's `-trace memory_region_ops_*` writes it, of blocks of 64 words."""
    values = random.Random(1)
    with path.open("w") as log:
        for first in range(0, LINES, 64):
            log.writelines(
                f"memory_region_ops_write cpu 0 mr 0x55f2a0c81b40 addr {0xA000000 + 4 * word:#x} "
                f"value {values.getrandbits(32):#x} size 4 name 'axi-bram'\n"
                for word in range(min(64, LINES - first))
            )


def cost(command: List[str]) -> Tuple[float, int]:
    """CPU seconds that a command takes on one core, and its memory at the most in MiB."""
    best, memory = float("inf"), 0
    for _ in range(ROUNDS):
        child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.WEXITSTATUS(status)
        if status != 0:
            raise SystemExit(f"{command[0]} ended with {status}")
        best, memory = min(best, usage.ru_utime + usage.ru_stime), usage.ru_maxrss // 1024
    return best, memory


def main() -> None:
    """Writes the log, and prints a row for each tool."""
    busprobe = shutil.which("busprobe") or str(REPOSITORY / "target" / "release" / "busprobe")
    awk = shutil.which("mawk") or shutil.which("awk") or "awk"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "qemu.log"
        write_log(log)
        tools = [
            ("busprobe import, JSON Lines", [busprobe, "import", log, "-o", f"{folder}/t.jsonl"]),
            ("busprobe import, Parquet", [busprobe, "import", log, "-o", f"{folder}/t.parquet"]),
            (f"{Path(awk).name}, count", [awk, "!seen[$7]++ { n++ } END { print n }", log]),
            ("pandas, count", [sys.executable, "-c", PANDAS, log]),
            ("DuckDB with one thread, count", [sys.executable, "-c", DUCKDB, log]),
            ("wc -l", ["wc", "-l", log]),
        ]
        print(f"{LINES} lines of a QEMU log, {log.stat().st_size / 1e6:.0f} MB, on one core:\n")
        print(f"{'':32}{'CPU s':>8}{'M lines/s':>11}{'to the first':>14}{'MiB':>8}")
        first = None
        for name, command in tools:
            seconds, memory = cost([str(word) for word in command])
            first = first or seconds
            speed = LINES / seconds / 1e6
            print(f"{name:32}{seconds:8.2f}{speed:11.1f}{seconds / first:14.2f}{memory:8}")
    met = "met" if first and LINES / first >= WANTED else "missed"
    print(f"\nWanted of the first: {WANTED / 1e6:.0f} million lines/s or more: {met}.")


if __name__ == "__main__":
    main()
