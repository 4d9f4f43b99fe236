"""What a trace holds, and what a verdict says of it."""

from typing import NamedTuple, Optional, Tuple


class Access(NamedTuple):
    """One load or store by one instruction."""

    direction: str
    """"R" or "W"."""
    offset: int
    """In bytes from the window's start."""
    size: int
    """In bytes, 1 to 64."""
    data: Optional[int]
    """The bytes' little-endian value; None when it could not be known without another access."""
    thread: int
    """As `threading.get_native_id()` has it."""
    site: Optional[str]
    """The function, the instruction, and the line of Python."""
    window: int
    """Its number among the trace's windows."""
    time_ns: Optional[int]
    """Since the trace began."""
    line: Optional[str]
    """The line of Python that was running: "/home/me/driver.py:12"."""


class Beat(NamedTuple):
    """One transaction on the bus."""

    direction: str
    """"R" or "W"."""
    offset: int
    size: int
    """In bytes."""
    data: Optional[int]


class Verdict(NamedTuple):
    """Whether the bus saw what was meant. It is true when it did, and all of it was seen."""

    exact: bool
    classes: Tuple[str, ...]
    """("exact",), or what is wrong: "doubled", "extra", "missing", "out of order", ..."""
    words: str
    """The same in a sentence."""
    beats: Tuple[Beat, ...]
    """What the bus saw, in order."""
    intent: str
    """What was meant: "W 0x0 64x32"."""
    accesses: int
    unseen: Tuple[str, ...]
    """What the trace does not show, a sentence each."""
    why: Tuple[str, ...]
    """Why the bus saw what it did, a sentence each."""
    remedy: Optional[str]
    """The line of Python that puts exactly the intent on the bus, when one line does."""
    line: Optional[str]
    """The line of Python that was running at the first access: "/home/me/driver.py:12"."""

    def __bool__(self) -> bool:
        """Whether it is exact."""
        return self.exact

    def __str__(self) -> str:
        """The sentence."""
        return self.words
