"""SQLite's write-ahead log: processes share its index through a mapped file, as through a device.

What the trace says was written has to make of the file as it was the file as it is.
"""

import sqlite3
import sys
from pathlib import Path
from typing import Any

from capture import trace

WRITER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
for i in range(20):
    database.execute("insert into numbers values (?)", (i,))
    database.commit()
"""


def replay(records: "list[dict[str, Any]]", onto: bytes) -> bytes:
    """The memory after all the writes of a trace, whose data has to be known."""
    memory = bytearray(onto)
    for record in records:
        if record["t"] not in ("access", "repeat") or record["dir"] != "W":
            continue
        size, count = record["size"], record.get("count", 1)
        if "bytes" in record:
            data = bytes.fromhex(record["bytes"].replace("0x", "", 1))
        else:
            data = int(record["data"], 16).to_bytes(size, "little") * count
        lowest = record["offset"] + min(0, record.get("step", 0) * (count - 1))
        memory[lowest : lowest + len(data)] = data
    return bytes(memory)


def test_the_writes_of_a_trace_make_the_index_that_sqlite_left(tmp_path: Path) -> None:
    path = tmp_path / "numbers.db"
    # Kept open, so that the index stays when the writer ends.
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode = wal")
    database.execute("create table numbers (number)")
    database.commit()
    index = tmp_path / "numbers.db-shm"
    before = index.read_bytes()
    seen = trace(index, [sys.executable, "-c", WRITER, path])
    assert seen.of("loss") == []
    assert seen.of("syscall") == []
    after = index.read_bytes()
    assert after != before
    assert replay(seen.records, before) == after
    assert database.execute("select sum(number) from numbers").fetchone() == (190,)
    database.close()
