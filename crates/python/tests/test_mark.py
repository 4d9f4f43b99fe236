"""Marks, traced and not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import busprobe
import pytest
from test_contract import command

PROGRAM = """
import sys, threading, busprobe
with busprobe.open(sys.argv[1]) as dev:
    busprobe.mark("reset ☃")
    dev.u32[0] = 1
    other = threading.Thread(target=busprobe.mark, args=("from a thread",))
    other.start()
    other.join()
    dev.u32[1] = 2
"""


def test_a_mark_that_nobody_sees_does_nothing() -> None:
    assert busprobe.mark("nobody sees this" * 1000) is None


def test_a_mark_is_a_text() -> None:
    anything: Any = b"bytes"
    with pytest.raises(TypeError):
        busprobe.mark(anything)


def test_a_traced_mark_lies_between_the_accesses_around_it(path: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    program = [sys.executable, "-c", PROGRAM, str(path)]
    watch = [command(), "trace", "--watch", str(path), "-o", str(trace), "--", *program]
    subprocess.run(watch, check=True)
    records = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    events = [record for record in records if record["t"] in ("access", "mark")]
    story = [event.get("text", event.get("offset")) for event in events]
    assert story == ["reset ☃", 0, "from a thread", 4]
    assert events[0]["thread"] != events[2]["thread"]
