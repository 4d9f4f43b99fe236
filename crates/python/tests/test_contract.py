"""What each call puts on the bus, as the command `busprobe` sees the CPU do it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import contract
import pytest

ROOT = Path(__file__).parents[3]


def command() -> str:
    """The command, from PATH or from where cargo puts it."""
    built = [ROOT / "target" / profile / "busprobe" for profile in ("release", "debug")]
    found = shutil.which("busprobe") or next((str(file) for file in built if file.exists()), None)
    if found is None:
        raise FileNotFoundError("busprobe is not built: cargo build --release -p busprobe")
    return found


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> List[List[contract.Access]]:
    """The accesses of each case."""
    folder = tmp_path_factory.mktemp("contract")
    window, trace = folder / "window.bin", folder / "trace.jsonl"
    window.write_bytes(bytes(4096))
    program = [sys.executable, contract.__file__, str(window)]
    watch = [command(), "trace", "--watch", str(window), "-o", str(trace), "--", *program]
    # What the interpreter writes besides would be of this process's own modules only.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(watch, check=True, env=environment)
    records = [json.loads(line) for line in trace.read_text().splitlines()]
    assert [record for record in records if record["t"] in ("loss", "syscall")] == []
    cases: List[List[contract.Access]] = [[]]
    for record in records:
        if record["t"] == "access":
            access = (record["dir"], record["offset"], record["size"])
            if access == ("W", contract.MARK, 1):
                cases.append([])
            else:
                cases[-1].append(access)
    return cases


CASES = contract.cases()


def test_every_case_has_left_its_mark(seen: List[List[contract.Access]]) -> None:
    assert len(seen) == len(CASES) + 1
    assert seen[-1] == []


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_a_call_makes_exactly_its_accesses(number: int, seen: List[List[contract.Access]]) -> None:
    assert seen[number] == CASES[number].accesses
