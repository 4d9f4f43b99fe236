"""A window that is memory: what few devices take, on the AArch64 machine.

An exception clears the CPU's monitor, so exclusives that are stepped one by one never succeed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from guest.cross import build_command, compile_c
from guest.errors import Unavailable
from guest.job import run
from guest.lowering import accesses

SOURCE = Path(__file__).with_name("memory_window.c")
WATCH = "--watch file:window"


class Seen(NamedTuple):
    #: What the program said, by itself and traced.
    alone: str
    traced: str
    #: What it left in the window.
    window: bytes
    accesses: list[Mapping[str, Any]]
    losses: list[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    at = tmp_path_factory.mktemp("memory")
    script = f"""mkdir out
dd if=/dev/zero of=window bs=8192 count=1 2>/dev/null
./program window >out/alone || exit
dd if=/dev/zero of=window bs=8192 count=1 conv=notrunc 2>/dev/null
./busprobe trace {WATCH} -o out/trace.jsonl -- ./program window >out/traced || exit
cp window out/window
"""
    try:
        files = {"busprobe": build_command(), "program": compile_c([SOURCE], at / "program")}
        done = run(script, at, files)
    except Unavailable as why:
        pytest.skip(f"skipped: {why}")
    assert done.status == 0, done.output
    records = [json.loads(line) for line in done.files["trace.jsonl"].splitlines()]
    return Seen(
        alone=done.files["alone"].decode(),
        traced=done.files["traced"].decode(),
        window=done.files["window"],
        accesses=list(accesses(records)),
        losses=[record["detail"] for record in records if record["t"] == "loss"],
    )


def values(seen: Seen, offset: int) -> list[tuple[str, int]]:
    """What was read and written at an offset."""
    at = [access for access in seen.accesses if access["offset"] == offset]
    return [(access["dir"], int(access["data"], 16)) for access in at]


def updates(seen: Seen, offset: int) -> list[tuple[int, int]]:
    """What was written at an offset, and what was read just before; of what an interrupt made to be
    begun again, nothing was written."""
    pairs = zip(values(seen, offset), values(seen, offset)[1:])
    return [(was, becomes) for (first, was), (second, becomes) in pairs if first + second == "RW"]


def test_the_program_sees_no_difference(seen: Seen) -> None:
    assert seen.traced == seen.alone
    assert len(seen.alone.splitlines()) == 7


def test_an_exclusive_is_a_read_and_a_write_of_what_became_of_it(seen: Seen) -> None:
    # The comparison with 5 fails and does not write.
    assert updates(seen, 0x10) == [(0, 7), (7, 0x37), (0x37, 77)]
    assert values(seen, 0x10).count(("R", 0x37)) >= 2
    assert updates(seen, 0) == [(0, 9)]


def test_a_pair_is_an_access_of_both(seen: Seen) -> None:
    both = ((1 << 64) - 1 << 64) + 3
    assert updates(seen, 0x20) == [(0, both)]
    assert {access["size"] for access in seen.accesses if access["offset"] == 0x20} == {16}


def test_an_exclusive_load_whose_store_is_not_found_is_a_loss(seen: Seen) -> None:
    assert values(seen, 0x38) == [("R", 0)]
    (loss,) = seen.losses
    assert "no store that belongs to it was found" in loss


def test_of_two_threads_each_write_is_one_more_than_was_read(seen: Seen) -> None:
    assert updates(seen, 0x40) == [(was, was + 1) for was in range(200)]
    assert seen.window[0x40:0x44] == (200).to_bytes(4, "little")


def test_blocks_become_zero(seen: Seen) -> None:
    zeroed = [access for access in seen.accesses if access["size"] == 64]
    assert {access["data"] for access in zeroed} == {"0x" + "00" * 64}
    assert len(zeroed) > 8
    assert seen.window[0x1000:0x1400] == bytes(1024)
    written = bytearray(b"\xff" * 1024)
    for access in seen.accesses:
        if access["dir"] == "W" and access["offset"] >= 0x1000:
            start, size = access["offset"] - 0x1000, access["size"]
            data = int(access["data"], 16).to_bytes(size, "little")
            written[start : start + size] = data
    assert written == bytes(1024)
