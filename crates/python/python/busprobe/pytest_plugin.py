"""The pytest fixture `bus`: tests of what code puts on a bus, without hardware.

    def test_a_block_is_written_word_by_word(bus):
        dev = bus.device(4096)
        with bus.expect(dev, "W 0x0 4x32"):
            driver.load(dev, [1, 2, 3, 4])

The memory stands for the device: the code under test uses it, and the CPU's own accesses are
judged.
"""

import contextlib
import mmap

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Generator, List, Optional, Type, Union

    from typing_extensions import Buffer, TypeAlias

    from busprobe import Trace, View, Window
    from busprobe.traced import Verdict

    _Watched: TypeAlias = Union[Window, View, Buffer]

SHOWN = 40
"""Of a trace, a failure shows so many lines."""


class Bus:
    """Watches what the block of a `with` statement puts on the bus, and fails the test for it."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        """`stack` closes, when the test is over, what was made for it."""
        self._stack = stack

    def device(self, length: int) -> "Window":
        """Make a window of `length` bytes over memory of its own."""
        import busprobe

        return self._stack.enter_context(busprobe.open(f"anon:{length}"))

    def memory(self, length: int) -> mmap.mmap:
        """Make an mmap of `length` bytes, for code that is given one."""
        return mmap.mmap(-1, length)

    def watch(self, *windows: "_Watched") -> "Trace":
        """Trace the block, as `busprobe.trace` does, and judge nothing."""
        import busprobe

        return busprobe.trace(*windows)

    def expect(self, window: "_Watched", intent: str, bus: str = "axi4-lite-32") -> "Judged":
        """Fail unless the block puts exactly `intent` on the bus: "W 0x0 4x32"."""
        return Judged(self.watch(window), intent, bus)

    def exact(self, *windows: "_Watched", bus: str = "axi4-lite-32") -> "Judged":
        """Fail unless each element that the block touches is accessed once, in order."""
        return Judged(self.watch(*windows), None, bus)


class Judged:
    """A block that is traced, and judged when it has come to its end."""

    def __init__(self, trace: "Trace", intent: "Optional[str]", bus: str) -> None:
        """Judge against `intent`, or against what was most likely meant."""
        self._trace, self._intent, self._bus = trace, intent, bus

    def __enter__(self) -> "Trace":
        """Begin to trace."""
        return self._trace.__enter__()

    def __exit__(
        self,
        kind: "Optional[Type[BaseException]]",
        error: "Optional[BaseException]",
        traceback: "Optional[TracebackType]",
    ) -> None:
        """Fail the test, unless the block itself has."""
        __tracebackhide__ = True
        self._trace.__exit__(kind, error, traceback)
        if error is not None:
            return
        verdicts = self._trace.verdicts(self._intent, self._bus)
        if self._intent is not None and not verdicts:
            what = f"nothing was put on the bus, and this was meant: {self._intent}"
            _fail(self._trace, [], what)
        wrong = [verdict for verdict in verdicts if not verdict.exact]
        if wrong:
            _fail(self._trace, wrong, "the bus did not see what was meant")


def _fail(trace: "Trace", verdicts: "List[Verdict]", what: str) -> None:
    __tracebackhide__ = True
    lines = [what]
    for verdict in verdicts:
        lines += ["", f"{verdict.intent}: {verdict.words}"]
        if verdict.line is not None:
            lines.append(f"  at {verdict.line}")
        lines += [f"  {sentence}" for sentence in verdict.why]
        lines += _remedy(verdict.remedy)
    accesses = str(trace).splitlines()
    if accesses:
        lines += ["", *accesses[:SHOWN]]
    if len(accesses) > SHOWN:
        lines.append(f"... and {len(accesses) - SHOWN} more")
    pytest.fail("\n".join(lines), pytrace=True)


def _remedy(line: "Optional[str]") -> "List[str]":
    return [] if line is None else [f"  write instead: {line}"]


@pytest.fixture
def bus() -> "Generator[Bus, None, None]":
    """Watch what code puts on a device bus, and judge it."""
    with contextlib.ExitStack() as stack:
        yield Bus(stack)
