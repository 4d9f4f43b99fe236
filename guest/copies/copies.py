"""`python3 copies.py < CALLS`: makes the calls with the guest's own libc on the window."""

import ctypes
import mmap
import os
import sys

WINDOW_BASE, WINDOW_LENGTH, MARK = 0x0A000000, 0x4000, 0x3FF0
FILL = 0xA5
LONGEST = 1 << 14


def main() -> None:
    libc = ctypes.CDLL(None)
    device = os.open("/dev/mem", os.O_RDWR)
    window = mmap.mmap(device, WINDOW_LENGTH, offset=WINDOW_BASE)
    marks = memoryview(window).cast("I")
    memory = mmap.mmap(-1, 2 * LONGEST)
    at = address(window)
    for line in sys.stdin:
        mark, name, *numbers = line.split()
        length, destination, source = map(int, numbers)
        memory[source : source + length] = pattern(length)
        function = getattr(libc, name)
        second = FILL if name == "memset" else ctypes.c_void_p(address(memory) + source)
        marks[MARK // 4] = int(mark)
        function(ctypes.c_void_p(at + destination), second, ctypes.c_size_t(length))


def address(mapping: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(mapping))


def pattern(length: int) -> bytes:
    """What the lab copies: a single word is the number 1."""
    return b"\1\0\0\0" if length == 4 else bytes(i & 0xFF for i in range(length))


main()
