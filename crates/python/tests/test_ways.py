"""Each way of using a window is seen from within as `busprobe trace` sees it from outside."""

import json
import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import busprobe
import pytest
import ways
from test_contract import command

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="a program can step itself on x86-64 only"
)

Seen = Tuple[str, int, int, Optional[int]]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, List[Seen]]:
    """What the same ways put on the bus, as seen from outside of the process."""
    folder = tmp_path_factory.mktemp("ways")
    window, trace = folder / "window.bin", folder / "trace.jsonl"
    window.write_bytes(bytes(ways.LENGTH))
    program = [sys.executable, ways.__file__, str(window)]
    watch = [command(), "trace", "--watch", str(window), "-o", str(trace), "--", *program]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(watch, check=True, env=environment, stderr=subprocess.DEVNULL)
    seen: Dict[str, List[Seen]] = {}
    current: List[Seen] = []
    for record in map(json.loads, trace.read_text().splitlines()):
        if record["t"] == "mark":
            current = seen.setdefault(record["text"], [])
        elif record["t"] == "access":
            data = record.get("data")
            value = None if data is None else int(data, 16)
            current.append((record["dir"], record["offset"], record["size"], value))
    return seen


def test_every_way_is_seen_as_from_outside(oracle: Dict[str, List[Seen]], tmp_path: Path) -> None:
    window = tmp_path / "window.bin"
    window.write_bytes(bytes(ways.LENGTH))
    with window.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), ways.LENGTH)
    with_names = ways.ways(memory)
    assert with_names.keys() == oracle.keys()
    for go in with_names.values():
        go()
    found: Dict[str, List[Seen]] = {}
    for name, go in with_names.items():
        with busprobe.trace(memory) as t:
            go()
        assert t.losses == ()
        found[name] = [access[:4] for access in t]
    for name, accesses in oracle.items():
        # From outside, what no register keeps is found out by another way of making the access.
        known = name not in ("find", "numpy in place", "numpy sum")
        of = slice(4) if known else slice(3)
        assert [one[of] for one in found[name]] == [one[of] for one in accesses], name
