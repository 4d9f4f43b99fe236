"""What can go wrong. But for BusError, the bus saw nothing of what failed."""

import errno

# typing takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class Error(Exception):
    """Every error of this package."""


class TargetError(Error, ValueError):
    """A TARGET that is none, or that names nothing."""


class OpenError(Error, OSError):
    """The system refused to open or map a target."""

    def __str__(self) -> str:
        """What was asked, what stands in the way, what to do."""
        return str(self.strerror)


class AccessError(Error, ValueError):
    """An access that is wrong in itself.

    Misaligned, a value too large, a buffer of another format, a window that is read-only or closed.
    """


class OutOfRange(Error, IndexError):
    """An access to a place that the window or view does not have."""


class PollTimeout(Error, TimeoutError):
    """A poll whose time was over."""

    def __init__(self, message: str, *, value: int, reads: int) -> None:
        """Say what was read last, and how many reads were made."""
        super().__init__(message)
        self.value = value
        self.reads = reads


class LockTimeout(Error, TimeoutError):
    """Someone else held the lock for all of the time."""


class BusError(Error, OSError):
    """An access that the bus or the memory system refused, by SIGBUS or SIGSEGV."""

    def __init__(
        self,
        message: str,
        *,
        offset: int,
        address: "Optional[int]",
        width: int,
        direction: str,
        completed: int,
    ) -> None:
        """Say what failed where, after how many completed accesses of the same call."""
        super().__init__(errno.EIO, message)
        self.offset = offset
        self.address = address
        self.width = width
        self.direction = direction
        self.completed = completed

    def __str__(self) -> str:
        """What failed."""
        return str(self.strerror)
