"""Judging a long trace from Parquet, beside tools that only count its accesses.

    python3 bench/check.py [MILLIONS]

busprobe cuts the trace into operations and judges each; awk, pandas and DuckDB count how often each
offset was written and forget the rest. All measured in one run, each on one core; times are CPU
seconds, the best of two. awk has a text of one field a column, of a tenth of the accesses.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
BUSPROBE = ROOT / "target" / "release" / "busprobe"
ACCESSES = int(sys.argv[1] if len(sys.argv) > 1 else "50") * 1_000_000
GROUP = 1 << 16
ROUNDS = 2
WANTED = 10_000_000
MOST_MEMORY = 200

PANDAS = """
import sys, pandas
rows = pandas.read_parquet(sys.argv[1], columns=["dir", "offset"])
print((rows[rows.dir == "W"].offset.value_counts() > 1).sum())
"""

DUCKDB = """
import sys, duckdb
duckdb.execute("SET threads = 1")
print(duckdb.execute(
    "SELECT count(*) FROM (SELECT \\"offset\\", count(*) n FROM read_parquet(?)"
    " WHERE t = 'access' AND dir = 'W' GROUP BY 1) WHERE n > 1", [sys.argv[1]]).fetchone()[0])
"""

AWK = '$1 == "W" { n[$2]++ } END { for (i in n) if (n[i] > 1) again++; print again + 0 }'


# A process counts the memory of the one that it was forked from as its own, so that one is small.
LAUNCH = """
import json, os, resource, subprocess, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
ran = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
said = (ran.stdout.splitlines() or [""])[0]
print(json.dumps([ran.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, said]))
"""


def sites(of_copy: int) -> list[dict[str, object]]:
    """The instructions of a copy, and one of a function that is none."""
    copy = {"module": "/lib/libc.so.6", "symbol": "__memmove_avx_unaligned_erms"}
    many = [{"t": "site", "id": i, "pc": 4096 + i, **copy} for i in range(of_copy)]
    return [*many, {"t": "site", "id": of_copy, "pc": 1, "symbol": "fill"}]


def head(folder: Path) -> pa.Table:
    """The records before the accesses, as busprobe writes them."""
    lines = [
        {"t": "trace", "version": 1, "level": "instruction", "capture": "native", "machine": "x"},
        {"t": "window", "id": 0, "name": "device", "length": 1 << 26},
        *sites(9),
    ]
    text, columns = folder / "head.jsonl", folder / "head.parquet"
    text.write_text("".join(json.dumps(line) + "\n" for line in lines))
    subprocess.run([BUSPROBE, "export", text, "-o", columns], check=True)
    return pq.read_table(columns)


def one_block(first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, sizes and sites of words written to a block of 64 MiB, over and over."""
    offsets = np.arange(first, first + count, dtype=np.uint64) * 4 % (1 << 26)
    return offsets, np.full(count, 4), np.full(count, 9)


def copies(first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of copies of 1 KiB each, with a tail that overlaps by one store of 32 bytes."""
    number, step = np.divmod(np.arange(first, first + count, dtype=np.uint64), 33)
    offsets = number % 1024 * 1024 + np.minimum(step, 31) * 32
    return offsets, np.full(count, 32), np.where(step == 32, 8, step % 8)


def write_trace(path: Path, start: pa.Table, pattern: object) -> None:
    """A trace of that pattern, with the columns that busprobe writes."""
    with pq.ParquetWriter(path, start.schema, compression="snappy") as file:
        file.write_table(start)
        for group in groups(start.schema, pattern):
            file.write_table(group, row_group_size=GROUP)


def groups(schema: pa.Schema, pattern: object) -> Iterator[pa.Table]:
    """The accesses of a trace, some at a time."""
    for first in range(0, ACCESSES, 16 * GROUP):
        count = min(16 * GROUP, ACCESSES - first)
        offsets, sizes, site = pattern(first, count)  # type: ignore[operator]
        known = {
            "t": pa.array(np.full(count, "access")),
            "seq": pa.array(np.arange(first, first + count)),
            "dir": pa.array(np.full(count, "W")),
            "window": pa.array(np.zeros(count)),
            "offset": pa.array(offsets),
            "size": pa.array(sizes),
            "thread": pa.array(np.full(count, 812)),
            "site": pa.array(site),
        }
        columns = [
            known[field.name].cast(field.type)
            if field.name in known
            else pa.nulls(count, field.type)
            for field in schema
        ]
        yield pa.table(columns, schema=schema)


def write_text(path: Path, trace: Path) -> int:
    """The first accesses of a trace as lines of direction and offset; how many."""
    rows = pq.read_table(trace, columns=["dir", "offset"]).slice(0, ACCESSES // 10)
    with path.open("w") as out:
        for way, offset in zip(rows["dir"].to_pylist(), rows["offset"].to_pylist()):
            out.write(f"{way or '-'} {offset}\n")
    return len(rows)


def cost(command: list[str | Path]) -> tuple[float, float, str]:
    """CPU seconds that a command takes on one core, its memory at the most in MiB, what it says."""
    best, memory, said = float("inf"), 0.0, ""
    for _ in range(ROUNDS):
        ran = subprocess.run(
            [sys.executable, "-c", LAUNCH, *command], check=True, capture_output=True, text=True
        )
        status, seconds, most, said = json.loads(ran.stdout)
        if status not in (0, 1):
            raise SystemExit(f"{command[0]} ended with {status}: {ran.stderr}")
        best, memory = min(best, seconds), max(memory, most / 1024)
    return best, memory, said


def main() -> None:
    """Prints a table for each trace."""
    unmet = []
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as name:
        folder = Path(name)
        start = head(folder)
        trace, text = folder / "trace.parquet", folder / "trace.txt"
        words = min(ACCESSES, 1 << 24)
        intent = ["--intent", f"W 0x0 {words}x32"]
        for title, pattern, given in [
            ("one operation", one_block, intent),
            ("copies of 1 KiB", copies, None),
        ]:
            write_trace(trace, start, pattern)
            lines = write_text(text, trace)
            check: list[str | Path] = [BUSPROBE, "check", trace]
            ways: dict[str, tuple[list[str | Path], int]] = {
                "busprobe check": (check, ACCESSES),
                **({"busprobe check --intent": ([*check, *given], ACCESSES)} if given else {}),
                "DuckDB": ([sys.executable, "-c", DUCKDB, trace], ACCESSES),
                "pandas": ([sys.executable, "-c", PANDAS, trace], ACCESSES),
                "awk": (["awk", AWK, text], lines),
            }
            size = trace.stat().st_size / (1 << 20)
            print(f"\n{title}: {ACCESSES / 1e6:g} million accesses, {size:.0f} MiB of Parquet")
            print(f"  {'':<25} {'million/s':>9} {'to DuckDB':>9} {'MiB':>7}   says")
            costs = {way: cost(command) for way, (command, _) in ways.items()}
            rates = {way: ways[way][1] / seconds for way, (seconds, _, _) in costs.items()}
            for way, (_, memory, said) in costs.items():
                ratio = rates[way] / rates["DuckDB"]
                print(f"  {way:<25} {rates[way] / 1e6:9.2f} {ratio:9.2f} {memory:7.0f}   {said}")
                if way.startswith("busprobe") and (rates[way] < WANTED or memory > MOST_MEMORY):
                    unmet.append(f"{title}, {way}")
    if unmet:
        raise SystemExit(f"below {WANTED / 1e6:g} million/s or above {MOST_MEMORY} MiB: {unmet}")


if __name__ == "__main__":
    main()
