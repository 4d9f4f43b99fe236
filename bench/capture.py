"""What a traced access costs under `busprobe trace`, and under the tools that people use now.

All trace the same program in one run: stores to 8 words in turn, 32 bytes, which is as much as the
CPU's debug registers can watch; a larger window gdb can watch by steps alone. The cost is what a
run with accesses takes more than a run without. The tools take turns, and a ratio is that of two
costs of one round; of the rounds it is the median.

A tool and the program that it traces wake each other at each access. The system may let them run on
one CPU or on two, which alone makes a cost several times greater. So there are rounds in which it
chooses, as it does for users, and rounds with one CPU for both. On a busy machine, look at the CPU
time, of tool and program together.

What the tools see is counted of these stores, of stores of one value, and of stores to 16 words.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import statistics
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
# How many times gdb's cost an access may be divided by at least.
WANTED = 15

# A tool's command for a program, and how many accesses its output tells of.
Command = Callable[[List[str], Path, int], List[str]]
Count = Callable[[str, Path], int]


class Tool(NamedTuple):
    """A way of seeing the accesses."""

    name: str
    gives: str
    #: As many as take a second or so.
    accesses: int
    command: Command
    count: Count
    #: What the program is told beyond numbers.
    words: tuple[str, ...] = ()


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


def gdb(kind: str, silent: bool = False) -> Command:
    """gdb with watchpoints of that kind in the CPU's debug registers, told of or counted."""

    def command(program: list[str], at: Path, words: int) -> list[str]:
        watches = [f"{kind} *(long *){place:#x}" for place in places(words)]
        return debugged(program, at, watches, silent)

    return command


def gdb_by_steps(program: list[str], at: Path, words: int) -> list[str]:
    """gdb with a watchpoint of any size, for which it steps the program."""
    steps = "set can-use-hw-watchpoints 0\n"
    return debugged(program, at, [f"{steps}watch *(int (*)[{words}]){WINDOW:#x}"], silent=False)


def debugged(program: list[str], at: Path, watches: list[str], silent: bool) -> list[str]:
    """The program in gdb, with watchpoints from where it has mapped the window."""
    script = at / "script"
    quiet = "set pagination off\nset confirm off\nset debuginfod enabled off\n"
    then = "silent\ncontinue" if silent else "continue"
    counted = "".join(f"{watch}\ncommands\n{then}\nend\n" for watch in watches)
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


OURS = Tool("busprobe trace", "size, data, instruction", 40_000, busprobe, traced)
WATCH = Tool("gdb watch", "changes of value, line", 2_000, gdb("watch"), hits)
TOOLS = [
    OURS,
    OURS._replace(name="busprobe trace, loads", words=("loads",)),
    WATCH,
    Tool("gdb watch, silent", "a count of changes", 2_000, gdb("watch", silent=True), hits),
    Tool("gdb awatch", "value, line", 2_000, gdb("awatch"), hits),
    Tool("gdb awatch, loads", "value, line", 2_000, gdb("awatch"), hits, ("loads",)),
    Tool("gdb watch, by steps", "changes of value, line", 500, gdb_by_steps, hits),
    Tool("valgrind lackey", "size", 20_000, lackey, printed),
    Tool("perf record -e mem:", "instruction", 200_000, perf, sampled),
]


class Work(NamedTuple):
    """Which accesses the program makes."""

    words: int
    step: int


MANY_VALUES, ONE_VALUE, MANY_WORDS = Work(8, 1), Work(8, 0), Work(16, 1)


class Ran(NamedTuple):
    """A run under a tool."""

    seconds: float
    cpu_seconds: float
    seen: int


def cpu_seconds() -> float:
    """The CPU time of all children so far, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(tool: Tool, program: Path, accesses: int, work: Work, cpus: set[int]) -> Ran:
    """One run of the program; raises RuntimeError with the tool's own words when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        window = at / "window"
        window.write_bytes(bytes(4096))
        arguments = list(map(str, (program, window, accesses, *work, *tool.words)))
        command = tool.command(arguments, at, work.words)
        former = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cpus)
        start, cpu_start = time.perf_counter(), cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu_start
        os.sched_setaffinity(0, former)
        if done.returncode != 0:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
        return Ran(seconds, cpu, tool.count(done.stdout, at))


class Cost(NamedTuple):
    """What one access costs, in microseconds."""

    wall: float
    cpu: float


def cost(tool: Tool, program: Path, cpus: set[int]) -> Cost:
    """What a run with accesses takes more than one without."""
    without, with_them = (
        run(tool, program, accesses, MANY_VALUES, cpus) for accesses in (0, tool.accesses)
    )
    wall, cpu = (after - before for before, after in zip(without[:2], with_them[:2]))
    return Cost(wall / tool.accesses * 1e6, cpu / tool.accesses * 1e6)


def why_not(tool: Tool, program: Path) -> str | None:
    """Why a tool cannot be measured here."""
    name = tool.command([str(program), "window"], program.parent, 1)[0]
    if shutil.which(name) is None:
        package = {"perf": "linux-perf"}.get(name, name)
        return f"{name} is not here: apt-get install {package}"
    try:
        seen = run(tool, program, 10, MANY_VALUES, os.sched_getaffinity(0)).seen
    except RuntimeError as why:
        return str(why)
    return None if seen else "it saw none of 10 accesses"


def measure(tools: list[Tool], program: Path, cpus: set[int]) -> dict[Tool, list[Cost]]:
    """The costs of all rounds."""
    costs: dict[Tool, list[Cost]] = {tool: [] for tool in tools}
    for _ in range(ROUNDS):
        for tool in tools:
            costs[tool].append(cost(tool, program, cpus))
    return costs


def ratios(costs: dict[Tool, list[Cost]], tool: Tool) -> Cost:
    """How many times our cost of the same round a tool's is, the median of the rounds."""
    rounds = list(zip(costs[tool], costs[OURS]))
    wall = statistics.median(its.wall / ours.wall for its, ours in rounds)
    return Cost(wall, statistics.median(its.cpu / ours.cpu for its, ours in rounds))


def show(title: str, costs: dict[Tool, list[Cost]]) -> None:
    """Prints one line a tool."""
    print(f"\n{title:<32} {'us':>8} {'CPU us':>8} {'to busprobe':>12} {'in CPU time':>12}")
    for tool, rounds in costs.items():
        wall, cpu = (statistics.median(values) for values in zip(*rounds))
        times = ratios(costs, tool)
        columns = f"{wall:8.1f} {cpu:8.1f} {times.wall:11.1f}x {times.cpu:11.1f}x"
        print(f"  {tool.name:<30} {columns}")


def main() -> None:
    """Prints what accesses cost, and what was seen of them."""
    everywhere = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "stores")
        subprocess.run(["cc", "-O1", "-g", "-o", str(program), str(SOURCE)], check=True)
        cannot = {tool: why_not(tool, program) for tool in TOOLS}
        tools = [tool for tool in TOOLS if cannot[tool] is None]
        free = measure(tools, program, everywhere)
        show("an access, CPUs as it comes", free)
        on_one = measure(tools, program, {min(everywhere)})
        show("an access, all on one CPU", on_one)
        print(f"\n{'seen':<32} {'of':>6}, many values; one; to 16 words   gives")
        for tool in tools:
            works = (MANY_VALUES, ONE_VALUE, MANY_WORDS)
            runs = (run(tool, program, tool.accesses, work, everywhere) for work in works)
            seen = "".join(f"{ran.seen:8}" for ran in runs)
            print(f"  {tool.name:<30} {tool.accesses:6} {seen}        {tool.gives}")
        for costs, where in ((free, "as CPUs come"), (on_one, "on one CPU")):
            if OURS in costs and WATCH in costs:
                times = ratios(costs, WATCH).wall
                met = "met" if times >= WANTED else "missed"
                print(f"\nWanted: {WANTED} times gdb watch's speed, {where}: {times:.1f}, {met}.")
    for tool, why in cannot.items():
        if why is not None:
            print(f"skipped: {tool.name}: {why}")


if __name__ == "__main__":
    main()
