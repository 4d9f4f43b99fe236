"""What a traced access costs under `busprobe trace`, and under the tools that people use now.

All trace the same program in one run: stores to 8 words in turn, 32 bytes, which is as much as the
CPU's debug registers can watch; a larger window gdb can watch by steps alone. The cost is the time
of a run with stores less that of a run without, the fastest of several rounds, the tools taking
turns. What they see is counted of these, of stores of one value, and of stores to 16 words.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, List, NamedTuple

SOURCE = Path(__file__).with_name("stores.c")
# Where the program maps its file, and the registers that a CPU has for watching: four of 8 bytes.
WINDOW = 0x2000000000
REGISTERS, WIDTH = 4, 8
ROUNDS = 3

# A tool's command for a program, and how many stores its output tells of.
Command = Callable[[List[str], Path, int], List[str]]
Count = Callable[[str, Path], int]


class Tool(NamedTuple):
    """A way of seeing the stores."""

    name: str
    gives: str
    #: As many as take a second or so.
    stores: int
    command: Command
    count: Count


def busprobe(program: list[str], at: Path, _: int) -> list[str]:
    """The native capture."""
    trace = ["busprobe", "trace", "--watch", program[1], "-o", str(at / "trace.jsonl"), "--"]
    return [*trace, *program]


def traced(_: str, at: Path) -> int:
    """The accesses of its trace."""
    return (at / "trace.jsonl").read_text().count('"t":"access"')


def places(words: int) -> list[int]:
    """The 8-byte places that hold so many words, or as many as can be watched at once."""
    return [WINDOW + WIDTH * i for i in range(min((4 * words + WIDTH - 1) // WIDTH, REGISTERS))]


def gdb(kind: str) -> Command:
    """gdb with watchpoints of that kind in the CPU's debug registers."""

    def command(program: list[str], at: Path, words: int) -> list[str]:
        return debugged(program, at, [f"{kind} *(long *){place:#x}" for place in places(words)])

    return command


def gdb_by_steps(program: list[str], at: Path, words: int) -> list[str]:
    """gdb with a watchpoint of any size, for which it steps the program."""
    steps = "set can-use-hw-watchpoints 0\n"
    return debugged(program, at, [f"{steps}watch *(int (*)[{words}]){WINDOW:#x}"])


def debugged(program: list[str], at: Path, watches: list[str]) -> list[str]:
    """The program in gdb, with watchpoints from where it has mapped the window."""
    script = at / "script"
    quiet = "set pagination off\nset confirm off\nset debuginfod enabled off\n"
    counted = "".join(f"{watch}\ncommands\nsilent\ncontinue\nend\n" for watch in watches)
    start = "break ready\nrun\ndelete 1\nfinish\n"
    script.write_text(f"{quiet}{start}{counted}continue\ninfo breakpoints\n")
    return ["gdb", "-nx", "-batch", "-x", str(script), "--args", *program]


def hits(output: str, _: Path) -> int:
    """How often gdb says that its watchpoints were met."""
    return sum(map(int, re.findall(r"already hit (\d+) time", output)))


def perf(program: list[str], at: Path, words: int) -> list[str]:
    """The kernel's breakpoints on data, by perf_event_open(2)."""
    events = [word for place in places(words) for word in ("-e", f"mem:{place:#x}/{WIDTH}:rw")]
    return ["perf", "record", "-q", "-c", "1", "-o", str(at / "perf.data"), *events, *program]


def sampled(_: str, at: Path) -> int:
    """The samples that perf kept."""
    script = ["perf", "script", "-i", str(at / "perf.data"), "-F", "ip"]
    return len(subprocess.run(script, capture_output=True, text=True).stdout.split())


def lackey(program: list[str], at: Path, _: int) -> list[str]:
    """Valgrind's tool that prints every access of the program."""
    log = f"--log-file={at / 'lackey'}"
    return ["valgrind", "--tool=lackey", "--trace-mem=yes", log, *program]


def printed(_: str, at: Path) -> int:
    """The stores to the window that it printed."""
    lines = (at / "lackey").read_text().splitlines()
    return sum(line.startswith(f" S {WINDOW >> 12:x}") for line in lines)


TOOLS = [
    Tool("busprobe trace", "size, data, instruction", 20_000, busprobe, traced),
    Tool("gdb awatch", "value, next instruction", 2_000, gdb("awatch"), hits),
    Tool("gdb watch", "changes of value", 2_000, gdb("watch"), hits),
    Tool("gdb watch, by steps", "changes of value", 2_000, gdb_by_steps, hits),
    Tool("valgrind lackey", "size", 20_000, lackey, printed),
    Tool("perf record -e mem:", "instruction", 200_000, perf, sampled),
]


class Work(NamedTuple):
    """Which stores the program makes."""

    words: int
    step: int


MANY_VALUES, ONE_VALUE, MANY_WORDS = Work(8, 1), Work(8, 0), Work(16, 1)


class Ran(NamedTuple):
    """A run under a tool."""

    seconds: float
    seen: int


def run(tool: Tool, program: Path, stores: int, work: Work) -> Ran:
    """One run of the program; raises RuntimeError with the tool's own words when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        window = at / "window"
        window.write_bytes(bytes(4096))
        arguments = list(map(str, (program, window, stores, *work)))
        command = tool.command(arguments, at, work.words)
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
        return Ran(seconds, tool.count(done.stdout, at))


def why_not(tool: Tool, program: Path) -> str | None:
    """Why a tool cannot be measured here."""
    name = tool.command([str(program), "window"], program.parent, 1)[0]
    if shutil.which(name) is None:
        package = {"perf": "linux-perf"}.get(name, name)
        return f"{name} is not here: apt-get install {package}"
    try:
        seen = run(tool, program, 10, MANY_VALUES).seen
    except RuntimeError as why:
        return str(why)
    return None if seen else "it saw none of 10 stores"


def main() -> None:
    """Prints one line a tool."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "stores")
        subprocess.run(["cc", "-O1", "-g", "-o", str(program), str(SOURCE)], check=True)
        cannot = {tool: why_not(tool, program) for tool in TOOLS}
        tools = [tool for tool in TOOLS if cannot[tool] is None]
        best: dict[Tool, list[float]] = {tool: [float("inf")] * 2 for tool in tools}
        for _ in range(ROUNDS):
            for tool in tools:
                for which, stores in enumerate((0, tool.stores)):
                    seconds = run(tool, program, stores, MANY_VALUES).seconds
                    best[tool][which] = min(best[tool][which], seconds)
        cost = {tool: (best[tool][1] - best[tool][0]) / tool.stores * 1e6 for tool in tools}
        ours: float | None = cost.get(TOOLS[0])
        title = f"{'a store, seen by':<22} {'us':>8} {'to busprobe':>12}   {'stores':>6}"
        print(f"{title}   seen: of many values, of one, to 16 words   gives")
        for tool in tools:
            works = (MANY_VALUES, ONE_VALUE, MANY_WORDS)
            seen = "".join(f"{run(tool, program, tool.stores, work).seen:8}" for work in works)
            ratio = f"{cost[tool] / ours:11.1f}x" if ours else ""
            columns = f"{cost[tool]:8.1f} {ratio}   {tool.stores:6}   {seen:<39}"
            print(f"  {tool.name:<20} {columns}   {tool.gives}")
    for tool, why in cannot.items():
        if why is not None:
            print(f"skipped: {tool.name}: {why}")


if __name__ == "__main__":
    main()
