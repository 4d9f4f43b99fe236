"""Marks, of the program's own and on its functions, and attaching, on AArch64."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from guest.cross import build_command, compile_c
from guest.errors import Unavailable
from guest.job import Done, run
from guest.machine import VIRT

SOURCE = Path(__file__).with_name("marked") / "aarch64.c"

BASE = hex(VIRT.window.base)
# Each begins with an instruction that depends on where it lies.
PLACED = ("page", "near", "literal", "branch", "test", "linked")
THREADS, ROUNDS = 2, 50
STEPS = 20

SCRIPT = f"""
mkdir out
trace="./busprobe trace --watch mem:{BASE}+4K"
$trace -o out/marks -- ./marked marks {BASE} || exit 1
$trace {" ".join(f"--mark-on {name}" for name in PLACED)} --mark-on store --mark-on memcpy=copy \
    -o out/functions -- ./marked functions {BASE} || exit 2
./marked runs {BASE} stop > ready &
program=$!
until grep -q ready ready; do :; done
$trace --mark-on step --limit {STEPS} --pid $program -o out/attached || exit 3
grep TracerPid /proc/$program/status > out/tracer
touch stop
wait $program || {{ cat ready; exit 4; }}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    at = tmp_path_factory.mktemp("marks")
    try:
        files = {"busprobe": build_command(), "marked": compile_c([SOURCE], at / "marked")}
    except Unavailable as why:
        pytest.skip(f"skipped: {why}")
    done = run(SCRIPT, at, files)
    assert done.status == 0, done.output
    return done


def events(done: Done, name: str) -> list[dict[str, Any]]:
    """The marks and accesses of a trace; it may have lost nothing."""
    records = [json.loads(line) for line in done.files[name].decode().splitlines()]
    assert [record for record in records if record["t"] == "loss"] == []
    return [record for record in records if record["t"] in ("mark", "access")]


def story(events: list[dict[str, Any]]) -> list[str]:
    """The text of each mark, direction and offset of each access."""
    return [
        event["text"] if event["t"] == "mark" else f"{event['dir']} {event['offset']:#x}"
        for event in events
    ]


def test_a_programs_own_marks_lie_between_its_accesses(done: Done) -> None:
    assert story(events(done, "marks")) == ["first", "W 0x0", "second", "W 0x4"]


def test_functions_that_begin_with_what_depends_on_its_place_are_marked(done: Done) -> None:
    marks = [event for event in events(done, "functions") if event["t"] == "mark"]
    counts = Counter(mark["text"] for mark in marks)
    calls = dict.fromkeys(PLACED, THREADS * ROUNDS) | {"test": 2 * THREADS * ROUNDS}
    assert {name: counts[name] for name in PLACED} == calls
    assert len({mark["thread"] for mark in marks if mark["text"] == "page"}) == THREADS


def test_the_memcpy_that_was_chosen_and_a_first_store_are_marked(done: Done) -> None:
    seen = story(events(done, "functions"))
    after = seen[seen.index("W 0x4") + 1 :]
    assert [what for what in after if what in ("copy", "store", "W 0x0")] == [
        "copy",
        "store",
        "W 0x0",
    ]


def test_a_running_program_is_marked_and_let_go_as_it_was(done: Done) -> None:
    seen = story(events(done, "attached"))
    assert seen.count("W 0x0") == STEPS
    # It may have been in the function already.
    assert seen in (["step", "W 0x0"] * STEPS, ["W 0x0", *["step", "W 0x0"] * (STEPS - 1)])
    assert done.files["tracer"].split() == [b"TracerPid:", b"0"]
