"""Instructions for one access, counted by callgrind: the same whatever else the machine does."""

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = """
import busprobe, mmap
def main():
    memory = mmap.mmap(-1, 4096)
    mv = memoryview(memory).cast("I")
    view = busprobe.view(memory, "I")
    dev = busprobe.open("anon:4K")
    for _ in range({turns}):
        {statement}
main()
"""
TURNS = 3000


@functools.lru_cache(maxsize=None)
def instructions(statement: str, turns: int, folder: Path) -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FileNotFoundError("valgrind is not installed: apt-get install valgrind")
    # Addresses and hashes decide how dictionaries fall out; they are to be the same in each run.
    command = ["setarch", "-R", valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    program = SETUP.format(turns=turns, statement=statement)
    done = subprocess.run(
        [*command, sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONHASHSEED": "0", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected is not None, done.stderr
    return int(collected.group(1))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("callgrind")
    # The first run compiles what it imports, which is not to be counted.
    instructions("pass", 1, folder)
    return folder


def each(statement: str, folder: Path) -> float:
    """Instructions of one turn, less those of an empty one."""
    return (instructions(statement, TURNS, folder) - instructions("pass", TURNS, folder)) / TURNS


@pytest.mark.parametrize(
    ("ours", "theirs", "most"),
    [
        ("view[5] = 7", "mv[5] = 7", 0.6),
        ("view[5]", "mv[5]", 0.8),
        ("dev.u32[5] = 7", "mv[5] = 7", 0.7),
        ("dev.u32[5]", "mv[5]", 0.9),
    ],
)
def test_one_access_takes_a_fraction_of_what_a_memoryview_takes(
    ours: str, theirs: str, most: float, folder: Path
) -> None:
    found, beside = each(ours, folder), each(theirs, folder)
    assert found <= most * beside, f"{ours}: {found:.0f} instructions, {theirs}: {beside:.0f}"
