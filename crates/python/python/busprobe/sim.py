"""Simulated devices, to test driver code without hardware.

A device answers the accesses of a window as it is scripted, and keeps a log of them::

    from busprobe import open, sim

    device = sim.Device(0x1000)
    device.register(0x0, "ro")
    device.register(0x4)
    device.on_write(0x4, lambda value: device.poke(0x0, 1))
    with open(device) as dev:
        dev.u32[1] = 1
        assert dev.u32[0] == 1
    assert [access.offset for access in device.log] == [4, 0]
"""

import json
import os
import platform
from typing import Dict, Iterator, NamedTuple, Optional, Union

from busprobe._busprobe import Device

__all__ = ["Device", "Logged", "write_trace"]


class Logged(NamedTuple):
    """One access that came to a device."""

    direction: str
    """"read" or "write"."""
    offset: int
    width: int
    """In bits."""
    value: Optional[int]
    """What was written or read; None when the access was refused."""
    time_ns: int
    """Since the device was made."""


def write_trace(device: Device, path: "Union[str, os.PathLike[str]]") -> None:
    """Write the device's log as a trace, which the command `busprobe` reads."""
    with open(path, "w", encoding="ascii") as file:
        for record in _records(device):
            file.write(json.dumps(record, separators=(",", ":")) + "\n")


_Record = Dict[str, Union[str, int]]


def _records(device: Device) -> Iterator[_Record]:
    yield {
        "t": "trace",
        "version": 1,
        "level": "bus",
        "capture": "sim",
        "machine": platform.machine(),
    }
    yield {"t": "window", "id": 0, "name": "sim", "length": len(device)}
    for seq, access in enumerate(device.log):
        record: _Record = {
            "t": "access",
            "seq": seq,
            "dir": "R" if access.direction == "read" else "W",
            "window": 0,
            "offset": access.offset,
            "size": access.width // 8,
        }
        if access.value is not None:
            record["data"] = f"0x{access.value:0{access.width // 4}x}"
        record["time_ns"] = access.time_ns
        yield record
