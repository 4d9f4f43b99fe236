"""The beats that a bus master is to put on an AXI4-Lite link."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Beat(NamedTuple):
    """One transaction."""

    direction: str
    """``R`` or ``W``."""
    address: int
    data: int
    """In its byte lanes; 0 in the others, and for a read."""
    strobes: int
    """One bit a byte lane; 0 for a read."""


def beats(trace: Path, data_width: int) -> Iterator[Beat]:
    """Those of a trace that was lowered to a bus of that width: each access lies in one word."""
    lanes = data_width // 8
    for record in map(json.loads, trace.read_text().splitlines()):
        if record["t"] != "access":
            continue
        lane = record["offset"] % lanes
        word = record["offset"] - lane
        assert lane + record["size"] <= lanes, "not lowered to this bus"
        if record["dir"] == "R":
            yield Beat("R", word, 0, 0)
        else:
            strobes = (1 << record["size"]) - 1
            yield Beat("W", word, int(record["data"], 16) << 8 * lane, strobes << lane)
