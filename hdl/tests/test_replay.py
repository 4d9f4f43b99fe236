"""Beats that busprobe predicts = transactions in the recorder = transactions in the waveform."""

import subprocess
from pathlib import Path
from typing import Any, Callable

import operations
import pytest
from conftest import REPOSITORY

Example = Callable[[str, str], Path]
Events = "List[Dict[str, Any]]"


def run(*command: "str | Path", stdin: "Path | None" = None) -> str:
    with open(stdin or "/dev/null") as given:
        done = subprocess.run(command, stdin=given, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def key(record: "dict[str, Any]") -> "tuple[Any, ...]":
    """What has to agree of an access, whoever saw it."""
    return tuple(record.get(name) for name in ("t", "dir", "offset", "size", "data", "detail"))


def since_the_first(events: Events) -> "list[int]":
    """When each access ended, in nanoseconds after the first one."""
    times = [event["time_ns"] for event in events if event["t"] == "access"]
    return [time - times[0] for time in times]


def as_seen(beat: "dict[str, Any]", lanes: int) -> "tuple[Any, ...]":
    """A predicted beat as an observer of the bus sees it: a read transfers its whole word."""
    if beat["dir"] == "W":
        return key(beat)
    return ("access", "R", beat["offset"] & -lanes, lanes)


def replay(
    accesses: Events, width: int, simulate: "Callable[..., None]", example: Example, tmp_path: Path
) -> "list[dict[str, Any]]":
    """Lowers the accesses to the link, replays them, and compares all who saw them.

    Returns the predicted beats.
    """
    trace, beats = tmp_path / "trace.jsonl", tmp_path / "beats.jsonl"
    recorded, waveform = tmp_path / "recorded.jsonl", tmp_path / "sim.vcd"
    operations.write_trace(accesses, trace)
    beats.write_text(run(example("busprobe-verdict", "beats"), f"axi4-lite-{width}", stdin=trace))
    simulate(
        "check_replay",
        {"BEATS": str(beats), "RECORDED": str(recorded)},
        vcd=str(waveform),
        DATA_WIDTH=width,
        DEPTH=2048,
    )
    imported = tmp_path / "imported.jsonl"
    imported.write_text(run(example("busprobe-logs", "waveform"), waveform, "link"))

    predicted = [beat for beat in operations.read_trace(beats) if beat["t"] == "access"]
    header, window, *in_recorder = operations.read_trace(recorded)
    assert (header["level"], header["capture"]) == ("bus", "recorder")
    assert (window["base"], window["length"]) == (0, 1 << 32)
    _, window, *in_waveform = operations.read_trace(imported)
    assert window["name"] == "axil_bench.link"

    assert list(map(key, in_recorder)) == list(map(key, in_waveform))
    assert since_the_first(in_recorder) == since_the_first(in_waveform)
    accesses = [event for event in in_recorder if event["t"] == "access"]
    seen = [key(access)[: 6 if access["dir"] == "W" else 4] for access in accesses]
    assert seen == [as_seen(beat, width // 8) for beat in predicted]
    return predicted


@pytest.mark.parametrize("width", [32, 64])
def test_each_direction_and_size_is_seen_alike(
    width: int, simulate: "Callable[..., None]", example: Example, tmp_path: Path
) -> None:
    accesses = operations.a_few()
    predicted = replay(accesses, width, simulate, example, tmp_path)
    assert len(predicted) == len(accesses) + 2 * (width == 32)


@pytest.mark.parametrize("width", [32, 64])
def test_the_published_listings_are_replayed_as_they_were(
    width: int, simulate: "Callable[..., None]", example: Example, tmp_path: Path
) -> None:
    accesses = [access for copy in operations.published_listings().values() for access in copy]
    predicted = replay(accesses, width, simulate, example, tmp_path)
    assert list(map(key, predicted)) == list(map(key, accesses)), "words are beats on either link"


@pytest.mark.parametrize("width", [32, 64])
def test_what_busprobe_writes_itself_is_on_the_bus_once_and_in_order(
    width: int, simulate: "Callable[..., None]", example: Example, tmp_path: Path
) -> None:
    accesses = operations.exact_writes_and_reads()
    predicted = replay(accesses, width, simulate, example, tmp_path)
    if width == 64:
        assert list(map(key, predicted)) == list(map(key, accesses))
    else:
        halves = sum(access["size"] == 8 for access in accesses)
        assert len(predicted) == len(accesses) + halves


@pytest.mark.parametrize("width", [32, 64])
def test_the_copies_of_an_aarch64_libc_are_replayed_as_the_lab_predicts(
    width: int, simulate: "Callable[..., None]", example: Example, tmp_path: Path
) -> None:
    fetched = subprocess.run(
        ["python3", "-m", "guest", "path", "libc6"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if fetched.returncode:
        pytest.skip(f"skipped: python3 -m guest path libc6: {fetched.stderr.strip()}")
    libc = fetched.stdout.strip()
    copy = example("busprobe-lab", "copy")
    accesses: list[dict[str, Any]] = []
    writes: dict[int, int] = {}
    for words in operations.WORDS:
        trace = tmp_path / f"copy-{words}.jsonl"
        trace.write_text(run(copy, libc, str(words)))
        of_copy = [record for record in operations.read_trace(trace) if record["t"] == "access"]
        writes[words] = sum(max(1, record["size"] // 4) for record in of_copy)
        accesses += [{name: r[name] for name in r if name != "site"} for r in of_copy]
    assert writes == operations.published_counts()
    predicted = replay(accesses, width, simulate, example, tmp_path)
    if width == 32:
        assert len(predicted) == sum(writes.values())
