"""How fast exact access is, beside what people use now.

Everything is measured in one run, on cached memory, where the bus costs nothing: what is compared
is the software's own share. Each figure is the fastest of several rounds, the ways taking turns.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
import tempfile
import timeit
from array import array
from pathlib import Path
from typing import Any

import busprobe
import numpy as np
import peers
from peers import CACHE, MappedDevice

ROOT = Path(__file__).parents[1]
LENGTH = 16384
WORDS = 1024
ROUNDS = 9


def measure(ways: dict[str, tuple[str, dict[str, Any]]], turns: int) -> dict[str, float]:
    """Nanoseconds of each statement."""
    repeated = 10
    timers = {
        name: timeit.Timer("; ".join([statement] * repeated), globals=names)
        for name, (statement, names) in ways.items()
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(turns) / turns / repeated * 1e9)
    return best


def table(title: str, times: dict[str, float], unit: str, against: str) -> None:
    """Prints the times, and their ratio to one of them."""
    print(f"\n{title:<34} {unit:>9}   to {against}")
    for name, time in times.items():
        print(f"  {name:<32} {time:9.1f}   {time / times[against]:6.2f}")


def compiled() -> tuple[dict[str, float], dict[str, float]]:
    """Our loop and C's over volatile, in nanoseconds a block."""
    ours = ["cargo", "bench", "-q", "--locked", "-p", "busprobe-mmio", "--bench", "block"]
    program = CACHE / "volatile"
    command = ["cc", "-O3", "-o", str(program), str(ROOT / "bench" / "volatile.c")]
    subprocess.run(command, check=True)

    def figures(*command: str) -> dict[str, float]:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        lines = (line.split() for line in done.stdout.splitlines())
        return {line[0]: float(line[1]) for line in lines if len(line) == 2}

    return figures(*ours), figures(str(program))


def main() -> None:
    """Prints one table for each kind of access."""
    CACHE.mkdir(parents=True, exist_ok=True)
    peers.install()
    from periphery import MMIO as Periphery
    from pynq.mmio import MMIO as Pynq

    with tempfile.NamedTemporaryFile() as file:
        os.truncate(file.fileno(), LENGTH)
        memory = mmap.mmap(file.fileno(), LENGTH)
        window = busprobe.open(file.name)
        names: dict[str, Any] = {
            "mv": memoryview(memory).cast("I"),
            "view": busprobe.view(memory, "I"),
            "dev": window,
            "carray": (ctypes.c_uint32 * (LENGTH // 4)).from_buffer(memory),
            "ndarray": np.frombuffer(memory, np.uint32),
            "memory": memory,
            "pack_into": __import__("struct").pack_into,
            "unpack_from": __import__("struct").unpack_from,
            "pynq": Pynq(0, LENGTH, device=MappedDevice(memory)),
            "periphery": Periphery(0, LENGTH, path=file.name),
            "data": array("I", range(WORDS)),
            "packed": array("I", range(WORDS)).tobytes(),
            "numbers": np.arange(WORDS, dtype=np.uint32),
            "items": list(range(WORDS)),
            "n": WORDS,
        }
        ways = {
            "memoryview": ("mv[5] = 7", "mv[5]"),
            "busprobe view[i]": ("view[5] = 7", "view[5]"),
            "busprobe dev.u32[i]": ("dev.u32[5] = 7", "dev.u32[5]"),
            "busprobe dev.write32, read32": ("dev.write32(20, 7)", "dev.read32(20)"),
            "ctypes array": ("carray[5] = 7", "carray[5]"),
            "numpy": ("ndarray[5] = 7", "int(ndarray[5])"),
            "struct": ("pack_into('I', memory, 20, 7)", "unpack_from('I', memory, 20)[0]"),
            "PYNQ MMIO": ("pynq.write(20, 7)", "pynq.read(20)"),
            "python-periphery": ("periphery.write32(20, 7)", "periphery.read32(20)"),
        }
        for title, which in (("one 32-bit write", 0), ("one 32-bit read", 1)):
            statements = {name: (way[which], names) for name, way in ways.items()}
            table(title, measure(statements, 5000), "ns", "memoryview")

        blocks = {
            "busprobe, bytes": "view[0:n] = packed",
            "busprobe, array": "view[0:n] = data",
            "busprobe, numpy": "view[0:n] = numbers",
            "busprobe, list": "view[0:n] = items",
            "busprobe, fill": "dev.fill(0, 1, n)",
            "busprobe, fixed": "dev.write_block(0, packed, mode='fixed')",
            "loop over memoryview": "for i in range(n): mv[i] = data[i]",
            "PYNQ MMIO write(bytes)": "pynq.write(0, packed)",
        }
        loops = {name for name, statement in blocks.items() if statement.startswith("for")}
        times = measure({n: (s, names) for n, s in blocks.items() if n not in loops}, 30)
        for name in loops:
            rounds = timeit.repeat(blocks[name], globals=names, number=20, repeat=ROUNDS)
            times[name] = min(rounds) / 20 * 1e9
        ours, volatile = compiled()
        times["compiled loop (Rust, asm)"] = ours["write"]
        times["compiled loop (cc -O3, volatile)"] = volatile["write"]
        table(f"{WORDS} words written", times, "ns", "compiled loop (Rust, asm)")
        table(
            f"{WORDS} words, compiled",
            {f"asm {name}": time for name, time in ours.items()}
            | {f"volatile {name}": time for name, time in volatile.items()},
            "ns",
            "asm write",
        )
    importing()


def importing() -> None:
    """Prints what the import takes over a bare interpreter."""

    def milliseconds(code: str) -> float:
        command = [sys.executable, "-c", code]
        run = lambda: subprocess.run(command, check=True)  # noqa: E731
        return min(timeit.repeat(run, number=1, repeat=5 * ROUNDS)) * 1e3

    bare, with_busprobe = milliseconds("pass"), milliseconds("import busprobe")
    print(f"\nimport busprobe: {with_busprobe - bare:.1f} ms over the {bare:.1f} ms of nothing")


if __name__ == "__main__":
    main()
