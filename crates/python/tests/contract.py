"""Every way to make an access, and the accesses that it has to make: no more, no others.

Run as a program with a file's path, it makes them all on that file, a mark after each; the tests
run it under a capture.
"""

import array
import mmap
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Protocol, Tuple, Type

import busprobe

Access = Tuple[str, int, int]
"""Direction, offset, bytes."""

Call = Callable[[busprobe.Window, busprobe.View], Any]
"""Something that is done with a window, or with a view of the same file's mmap."""

OneCall = Callable[[busprobe.Window], Any]

MARK = 4095
"""Where a byte is written after each case."""


@dataclass(frozen=True)
class Case:
    """One call, what it puts on the bus, and the error that it raises, if it does."""

    name: str
    call: Call
    accesses: List[Access]
    errors: Tuple[Type[Exception], ...] = ()


class Bad:
    """An element that is none."""

    def __index__(self) -> int:
        raise ZeroDivisionError


def run(direction: str, offset: int, size: int, count: int, stride: int) -> List[Access]:
    return [(direction, offset + n * stride, size) for n in range(count)]


def cases_of_width(width: Any) -> Iterator[Case]:
    size = width // 8

    def view(dev: busprobe.Window) -> busprobe.View:
        return {8: dev.u8, 16: dev.u16, 32: dev.u32, 64: dev.u64}[width]

    def case(name: str, call: OneCall, *runs: List[Access]) -> Case:
        accesses = [access for one_run in runs for access in one_run]
        return Case(f"{name}, {width} bits", lambda dev, _: call(dev), accesses)

    read, write = [("R", 8 * size, size)], [("W", 8 * size, size)]
    yield case("view[i]", lambda dev: view(dev)[8], read)
    yield case("view[-i]", lambda dev: view(dev)[8 - len(view(dev))], read)
    yield case("view[i] = x", lambda dev: view(dev).__setitem__(8, 1), write)
    yield case("view[i] = max", lambda dev: view(dev).__setitem__(8, 2**width - 1), write)
    yield case("read", lambda dev: getattr(dev, f"read{width}")(8 * size), read)
    yield case("write", lambda dev: getattr(dev, f"write{width}")(8 * size, 1), write)
    yield case("update", lambda dev: dev.update(8 * size, 6, 2, width), read, write)
    yield case("read_field", lambda dev: dev.read_field(8 * size, "3:2", width), read)
    yield case("write_field", lambda dev: dev.write_field(8 * size, "3:2", 1, width), read, write)
    for count in (0, 1, 2, 3, 4, 5, 8, 11):
        yield from blocks(size, count, view, case)


class Make(Protocol):
    """Makes a case of one width."""

    def __call__(self, name: str, call: OneCall, *runs: List[Access]) -> Case: ...


def blocks(
    size: int, count: int, view: Callable[[busprobe.Window], busprobe.View], case: Make
) -> Iterator[Case]:
    width: Any = 8 * size
    start, here, there = 8 * size, slice(8, 8 + count), slice(8, 8 + 2 * count, 2)
    packed = array.array({1: "B", 2: "H", 4: "I", 8: "Q"}[size], [1] * count)
    up, fixed = run("W", start, size, count, size), run("W", start, size, count, 0)
    apart = run("W", start, size, count, 2 * size)

    def from_source(data: Any) -> Iterator[Case]:
        def assign(dev: busprobe.Window) -> None:
            view(dev)[here] = data

        def assign_apart(dev: busprobe.Window) -> None:
            view(dev)[there] = data

        kind = f"{count} from {type(data).__name__}"
        yield case(f"view[a:b] = {kind}", assign, up)
        yield case(f"view[a:b:2] = {kind}", assign_apart, apart)
        yield case(f"write_block {kind}", lambda dev: dev.write_block(start, data, width), up)
        yield case(
            f"write_block fixed {kind}",
            lambda dev: dev.write_block(start, data, width, "fixed"),
            fixed,
        )

    for data in ([1] * count, packed, packed.tobytes()):
        yield from from_source(data)
    yield case(f"fill {count}", lambda dev: dev.fill(start, 1, count, width), up)
    yield case(f"fill fixed {count}", lambda dev: dev.fill(start, 1, count, width, "fixed"), fixed)
    up, fixed = run("R", start, size, count, size), run("R", start, size, count, 0)
    down = run("R", 20 * size, size, count, -size)
    out = bytearray(count * size)
    yield case(f"view[a:b] {count}", lambda dev: view(dev)[here], up)
    yield case(f"view[b:a:-1] {count}", lambda dev: view(dev)[20 : 20 - count : -1], down)
    yield case(f"read_block {count}", lambda dev: dev.read_block(start, count, width), up)
    yield case(
        f"read_block fixed {count}",
        lambda dev: dev.read_block(start, count, width, mode="fixed"),
        fixed,
    )
    yield case(f"read_into {count}", lambda dev: dev.read_into(start, out, width), up)
    yield case(
        f"read_into fixed {count}", lambda dev: dev.read_into(start, out, width, "fixed"), fixed
    )


def other_cases() -> Iterator[Case]:
    low, high = 0x40, 0x44
    orders: Dict[str, Tuple[OneCall, List[Access]]] = {
        "read64_lo_hi": (lambda dev: dev.read64_lo_hi(0x40), [("R", low, 4), ("R", high, 4)]),
        "read64_hi_lo": (lambda dev: dev.read64_hi_lo(0x40), [("R", high, 4), ("R", low, 4)]),
        "write64_lo_hi": (lambda dev: dev.write64_lo_hi(0x40, 1), [("W", low, 4), ("W", high, 4)]),
        "write64_hi_lo": (lambda dev: dev.write64_hi_lo(0x40, 1), [("W", high, 4), ("W", low, 4)]),
    }
    for name, (call, accesses) in orders.items():
        yield Case(name, lambda dev, _, call=call: call(dev), accesses)
    yield Case(
        "poll",
        lambda dev, _: dev.poll(0x40, mask=0, value=0),
        [("R", 0x40, 4)],
    )
    yield Case("flush", lambda dev, _: dev.flush(0x40), [("R", 0x40, 4)])
    yield Case("fence", lambda dev, _: dev.fence(), [])
    yield Case("iteration", lambda _, mm: next(iter(mm)), [("R", 0, 4)])
    yield Case(
        "view of an mmap", lambda _, mm: mm.__setitem__(slice(2, 7), [1] * 5), run("W", 8, 4, 5, 4)
    )
    yield Case("view of an mmap, read", lambda _, mm: mm[2:7], run("R", 8, 4, 5, 4))
    yield Case("view of an mmap, one", lambda _, mm: mm.__setitem__(3, 1), [("W", 12, 4)])
    silent: Dict[str, Call] = {
        "repr": lambda dev, mm: (repr(dev), repr(dev.u32), repr(mm), str(mm)),
        "len": lambda dev, mm: (len(dev), len(dev.u32), len(mm), bool(mm)),
        "==": lambda dev, mm: (dev.u32 == mm, hash(mm), hash(dev)),
        "attributes": lambda dev, mm: [getattr(mm, attribute) for attribute in dir(mm)],
    }
    for name, nothing in silent.items():
        yield Case(name, nothing, [])


def bad_cases() -> Iterator[Case]:
    bad: Dict[str, Call] = {
        "index outside": lambda dev, _: dev.u32[1024],
        "write outside": lambda dev, _: dev.u32.__setitem__(-1025, 1),
        "block outside": lambda dev, _: dev.write_block(4092, [1, 2]),
        "read outside": lambda dev, _: dev.read_block(4092, 2),
        "misaligned": lambda dev, _: dev.write32(2, 1),
        "misaligned read": lambda dev, _: dev.read64(4),
        "too large": lambda dev, _: dev.u16.__setitem__(0, 65536),
        "negative": lambda dev, _: dev.u16.__setitem__(0, -1),
        "bad last item": lambda dev, _: dev.u32.__setitem__(slice(0, 4), [1, 2, 3, -4]),
        "raising item": lambda dev, _: dev.u32.__setitem__(slice(0, 4), [1, 2, 3, Bad()]),
        "wrong format": lambda dev, _: dev.u32.__setitem__(slice(0, 4), array.array("H", [1] * 8)),
        "odd bytes": lambda dev, _: dev.write_block(0, b"12345"),
        "too few": lambda dev, _: dev.u32.__setitem__(slice(0, 4), [1, 2, 3]),
        "bad update": lambda dev, _: dev.update(0, 1, 2),
        "bad field": lambda dev, _: dev.write_field(0, "7:4", 16),
        "bad poll": lambda dev, _: dev.poll(0, mask=1, value=2),
        "split outside": lambda dev, _: dev.write64_hi_lo(4092, 1),
        "read-only": lambda dev, _: busprobe.open(dev.name, read_only=True).write32(0, 1),
        "read-only update": lambda dev, _: busprobe.open(dev.name, read_only=True).update(0, 1, 1),
        "not allowed": lambda dev, _: busprobe.open(dev.name, allow=[range(4)]).u32[0:2],
    }
    for name, call in bad.items():
        yield Case(name, call, [], (ValueError, IndexError, ZeroDivisionError))


def cases() -> List[Case]:
    widths = [case for width in (8, 16, 32, 64) for case in cases_of_width(width)]
    return [*widths, *other_cases(), *bad_cases()]


def main(path: str) -> None:
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        with busprobe.open(path) as dev, busprobe.view(mapped, "I") as view:
            for case in cases():
                try:
                    case.call(dev, view)
                    raised = False
                except case.errors:
                    raised = True
                assert raised == bool(case.errors), case.name
                dev.write8(MARK, 0)


if __name__ == "__main__":
    main(sys.argv[1])
