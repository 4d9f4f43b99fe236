"""Ways of using a mapped window from Python; as a program, it goes all of them on a file."""

import ctypes
import mmap
import os
import struct
import sys
from typing import Any, Callable, Dict

import busprobe

LENGTH = 4096


def words(count: int) -> memoryview:
    """So many 32-bit words, each byte another than its neighbours."""
    return memoryview(bytes(index & 255 for index in range(4 * count))).cast("I")


def ways(mm: mmap.mmap) -> Dict[str, Callable[[], Any]]:
    """What can be done with the mapping, by name."""
    mv = memoryview(mm).cast("I")
    view = busprobe.view(mm, "I")
    word = ctypes.c_uint32.from_buffer(mm, 0x80)
    array = (ctypes.c_uint32 * 8).from_buffer(mm, 0x100)
    data = {count: words(count) for count in (1, 2, 4, 8, 16, 31)}
    found: Dict[str, Callable[[], Any]] = {
        "index": lambda: mv.__setitem__(3, 7),
        "indexed": lambda: mv[3],
        "byte": lambda: mm.__setitem__(3, 7),
        "bytes": lambda: mm.__setitem__(slice(4, 9), b"abcde"),
        "sliced": lambda: mm[4:9],
        "copied": lambda: bytes(mv[0:4]),
        "list": lambda: mv[0:4].tolist(),
        "strided": lambda: mv.__setitem__(slice(0, 8, 2), data[4]),
        "pack_into": lambda: struct.pack_into("<IHB", mm, 8, 0x11223344, 0x5566, 0x77),
        "unpack_from": lambda: struct.unpack_from("<IH", mm, 8),
        "ctypes value": lambda: setattr(word, "value", 5),
        "ctypes item": lambda: array.__setitem__(2, 9),
        "memmove": lambda: ctypes.memmove(array, b"abcdefgh", 8),
        "find": lambda: mm.find(b"q", 0, 64),
        "exact word": lambda: view.__setitem__(5, 0x01020304),
        "exact block": lambda: view.__setitem__(slice(1, 17), data[16]),
        "exact read": lambda: view[1:5],
    }
    for count, block in data.items():
        found[f"block of {count}"] = lambda count=count, block=block: mv.__setitem__(
            slice(0, count), block
        )
    try:
        import numpy
    except ImportError:
        return found
    return {**found, **numpy_ways(mm, numpy)}


def numpy_ways(mm: mmap.mmap, numpy: Any) -> Dict[str, Callable[[], Any]]:
    """The same with an array over the mapping."""
    over = numpy.frombuffer(mm, numpy.uint32)
    numbers = numpy.arange(8, dtype=numpy.uint32)
    return {
        "numpy item": lambda: over.__setitem__(1, 3),
        "numpy array": lambda: over.__setitem__(slice(0, 8), numbers),
        "numpy scalar": lambda: over.__setitem__(slice(0, 4), 5),
        "numpy in place": lambda: over[8:16].__ior__(1),
        "numpy sum": lambda: int(over[0:16].sum()),
    }


def main() -> None:
    """Goes all ways twice: what is done once only, such as resolving symbols, is done then."""
    fd = os.open(sys.argv[1], os.O_RDWR)
    with_names = ways(mmap.mmap(fd, LENGTH))
    for go in with_names.values():
        go()
    for name, go in with_names.items():
        busprobe.mark(name)
        go()


if __name__ == "__main__":
    main()
