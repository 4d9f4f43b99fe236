"""`python3 exact.py TARGET < EXPERIMENTS`: as the Rust program beside it, with the Python package.

Neighbours go as a slice when their count is even and as a block when it is odd; both have to be
exact.
"""

import sys
from collections.abc import Iterable
from typing import Literal

import busprobe

Width = Literal[8, 16, 32, 64]

MARK = 0x3FF0
WIDTHS: dict[str, Width] = {"8": 8, "16": 16, "32": 32, "64": 64}
FORMATS: dict[Width, Literal["B", "H", "I", "Q"]] = {8: "B", 16: "H", 32: "I", 64: "Q"}


def main() -> None:
    with busprobe.open(sys.argv[1]) as window:
        for line in sys.stdin:
            mark, kind, width, offset, count, stride = line.split()
            window.write32(MARK, int(mark))
            try:
                run = Run(window, WIDTHS[width], int(offset), int(count), int(stride))
                print(mark, *map(hex, run.access(kind)))
            except (OSError, ValueError, IndexError) as error:
                print(mark, f"error: {error}")


class Run:
    def __init__(
        self, window: busprobe.Window, width: Width, offset: int, count: int, stride: int
    ) -> None:
        self.window, self.offset, self.count, self.stride = window, offset, count, stride
        self.width: Width = width
        self.size = width // 8
        self.view = {8: window.u8, 16: window.u16, 32: window.u32, 64: window.u64}[width]

    def access(self, kind: str) -> Iterable[int]:
        """Makes the accesses; what was read."""
        is_block = self.stride == 0 or (self.stride == self.size and self.count % 2)
        window, offset = self.window, self.offset
        mode: Literal["incr", "fixed"] = "incr" if self.stride else "fixed"
        data = bytes(i & 0xFF for i in range(self.size * self.count))
        values = memoryview(data).cast(FORMATS[self.width])
        if kind == "fill":
            window.fill(offset, values[0], self.count, self.width, mode)
        elif kind == "write" and is_block:
            window.write_block(offset, values, self.width, mode)
        elif kind == "write":
            self.view[self.elements()] = values
        elif is_block:
            return window.read_block(offset, self.count, self.width, mode=mode)
        else:
            return self.view[self.elements()]
        return ()

    def elements(self) -> slice:
        start, step = self.offset // self.size, self.stride // self.size
        stop = start + self.count * step
        return slice(start, stop if stop >= 0 else None, step)


main()
