"""What programs do to a device, as traces."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conftest import REPOSITORY

WORDS = (1, 2, 4, 8, 16, 32, 64, 128, 230, 256)
"""Lengths of the copies whose listings or counts were published."""

LISTINGS = REPOSITORY / "crates/lab/tests/golden/seed.txt"


def published_listings() -> "dict[int, list[dict[str, Any]]]":
    """What a bus saw of a memoryview's slice assignment, by its length in words."""
    listings: dict[int, list[dict[str, Any]]] = {}
    listing: list[dict[str, Any]] = []
    for line in LISTINGS.read_text().splitlines():
        words = line.split()
        if line.startswith("["):
            listing = []
            if words[0] == "[slice":
                listings[int(words[1].rstrip("]"))] = listing
        elif line.startswith("W addr"):
            offset, data, size = int(words[2], 16), int(words[4], 16), int(words[6])
            listing.append(access("W", offset, size, data))
    return listings


def published_counts() -> "dict[int, int]":
    """How many writes a bus saw, by the length in words."""
    table = LISTINGS.read_text().partition("[table]\n")[2]
    return {int(words): int(writes) for words, writes in map(str.split, table.splitlines())}


def exact_writes_and_reads() -> "list[dict[str, Any]]":
    """What busprobe's own calls do: each element once, ascending, at its width."""
    accesses = [
        access("W", 4 * n, 4, 0x01010101 * (n & 0xFF)) for words in WORDS for n in range(words)
    ]
    for size in (1, 2, 8):
        accesses += [access("W", 0x800 + size * n, size, n + 1) for n in range(8)]
    accesses += [access("R", 4 * n, 4) for n in range(16)]
    accesses += [access("W", 0x40, 4, n) for n in range(16)]  # a FIFO
    accesses += [access("R", 0x40, 4) for _ in range(16)]
    return accesses


def a_few() -> "list[dict[str, Any]]":
    """Each direction and size, and an address that no register answers."""
    accesses = [access("W", size, size, (1 << 8 * size) - 2) for size in (1, 2, 4, 8)]
    accesses += [access("R", 0, 4), access("R", 8, 8), access("W", 0x1000, 4, 7)]
    return accesses


def access(direction: str, offset: int, size: int, data: int = 0) -> "dict[str, Any]":
    """An access as a trace has it."""
    record: dict[str, Any] = {
        "t": "access",
        "dir": direction,
        "window": 0,
        "offset": offset,
        "size": size,
    }
    if direction == "W":
        record["data"] = f"0x{data:0{2 * size}x}"
    return record


def write_trace(accesses: "Iterable[dict[str, Any]]", path: Path) -> None:
    """A trace of these accesses."""
    header = {"t": "trace", "version": 1, "level": "instruction", "capture": "sim"}
    records: list[dict[str, Any]] = [{**header, "machine": "aarch64"}]
    records.append({"t": "window", "id": 0, "name": "link", "length": 4096})
    records += [{**record, "seq": seq} for seq, record in enumerate(accesses)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def read_trace(path: Path) -> "list[dict[str, Any]]":
    """The records of a trace."""
    return [json.loads(line) for line in path.read_text().splitlines()]
