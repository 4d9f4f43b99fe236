"""Exact reads and writes of device memory.

Each element is accessed once, in order, at the width that was meant::

    import busprobe

    with busprobe.open("mem:0x0a000000+16K") as dev:
        dev.u32[0] = 1
        dev.u32[0:4] = [1, 2, 3, 4]
        dev.write_block(0x40, b"to a FIFO...", width=32, mode="fixed")

What a block of code puts on the bus, by whatever way it uses the device::

    with busprobe.trace(dev) as t:
        ...
    print(t, t.verdict())
"""

from busprobe._busprobe import Lock, Trace, View, Window, load, mark, open, trace, view
from busprobe.errors import (
    AccessError,
    BusError,
    Error,
    LockTimeout,
    OpenError,
    OutOfRange,
    PollTimeout,
    TargetError,
)

__all__ = [
    "AccessError",
    "BusError",
    "Error",
    "Lock",
    "LockTimeout",
    "OpenError",
    "OutOfRange",
    "PollTimeout",
    "TargetError",
    "Trace",
    "View",
    "Window",
    "load",
    "mark",
    "open",
    "trace",
    "view",
]
