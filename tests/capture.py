"""Runs a program under `busprobe trace`, and says what it put on the bus."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

ROOT = Path(__file__).parents[1]
LENGTH = 65536

# A program that writes its 1, 2, 3 and so on here tells what comes before from what follows.
MARK = 0xFF00

# Which of its copies glibc takes depends on the CPU; this leaves the one of 16-byte registers.
SSE2 = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-SSSE3"


def need(program: str, package: str) -> str:
    """Where a program is; an error with the install line when it is not here."""
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"{program} is not here: apt-get install {package}")
    return found


def busprobe() -> str:
    """The command of this source tree."""
    built = ROOT / "target/release/busprobe"
    if not built.exists():
        raise FileNotFoundError("busprobe is not built: cargo build --release -p busprobe")
    return str(built)


@dataclass(frozen=True)
class Seen:
    """What a traced program put on the bus."""

    #: Its exit status, what it printed, and what busprobe said of it.
    status: int
    output: str
    summary: str
    records: "list[dict[str, Any]]"

    def of(self, kind: str) -> "list[dict[str, Any]]":
        return [record for record in self.records if record["t"] == kind]

    def accesses(self) -> "list[str]":
        """Direction, offset in hexadecimal and size of each, such as `W3c/4`, without marks."""
        return [text(access) for access in self.of("access") if access["offset"] != MARK]

    def parts(self) -> "list[list[str]]":
        """The same, a list for what came before each mark."""
        parts: list[list[str]] = [[]]
        for access in self.of("access"):
            if access["offset"] == MARK:
                parts.append([])
            else:
                parts[-1].append(text(access))
        assert parts.pop() == [], "accesses came after the last mark"
        return parts

    def values(self) -> "list[int]":
        """The data of each access."""
        return [int(access["data"], 16) for access in self.of("access")]

    def functions(self) -> "set[str]":
        """The functions that made the accesses."""
        return {site["symbol"] for site in self.of("site") if "symbol" in site}


def text(access: "dict[str, Any]") -> str:
    return f"{access['dir']}{access['offset']:x}/{access['size']}"


def trace(window: Path, command: Sequence[Union[str, Path]]) -> Seen:
    """Runs the command with `window` watched; it has to end well."""
    to = window.with_suffix(".jsonl")
    watch = [busprobe(), "trace", "--watch", str(window), "-o", str(to), "--"]
    done = subprocess.run(
        [*watch, *map(str, command)],
        env={**os.environ, "GLIBC_TUNABLES": SSE2},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in to.read_text().splitlines()]
    return Seen(done.returncode, done.stdout, done.stderr, records)
