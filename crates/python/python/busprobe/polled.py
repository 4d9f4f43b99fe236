"""What a poll saw."""

from typing import NamedTuple


class Polled(NamedTuple):
    """The last value that was read, and how many reads were made."""

    value: int
    reads: int
