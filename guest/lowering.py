"""What a device in QEMU 7.2 gets of an access, to judge a trace by the log of the bus."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from guest.bus import Beat

# The data of a beat that the trace does not tell.
UNKNOWN = -1


def accesses(records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The trace's accesses, those of a repeated string instruction one by one."""
    for record in records:
        if record["t"] == "access":
            yield record
        elif record["t"] == "repeat":
            yield from _repeated(record)


def _repeated(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    count, step, size = record["count"], record["step"], record["size"]
    lowest = min(0, step * (count - 1))
    for at in range(0, step * count, step):
        access = {**record, "t": "access", "offset": record["offset"] + at}
        if "bytes" in record:
            digits = record["bytes"].removeprefix("0x")[2 * (at - lowest) :][: 2 * size]
            access["data"] = hex(int.from_bytes(bytes.fromhex(digits), "little"))
        yield access


def beats(access: Mapping[str, Any], most: int) -> Iterator[Beat]:
    """The beats of a trace's access on a device that takes `most` bytes at once.

    The CPU emulation puts 8 bytes at most on the bus. Of each that is not aligned, a store becomes
    its single bytes, and a load the two aligned ones that it lies in; what else is in those, the
    trace does not say.
    """
    offset, size, data = access["offset"], access["size"], access.get("data")
    value = None if data is None else int(data, 16)
    unit = min(size, 8)
    for at in range(offset, offset + size, unit):
        unit = min(unit, offset + size - at)
        if at % unit == 0:
            places, step = [at], min(unit, most)
        elif access["dir"] == "W":
            places, step = [at], 1
        else:
            places, step = [at - at % unit, at - at % unit + unit], min(unit, most)
        for place in places:
            for beat in range(place, place + unit, step):
                yield Beat(access["dir"], beat, _part(value, beat - offset, step, size), step)


def _part(value: "int | None", start: int, size: int, whole: int) -> int:
    """The bytes of a value from `start` on."""
    if value is None or start < 0 or start + size > whole:
        return UNKNOWN
    return value >> 8 * start & (1 << 8 * size) - 1


def split(bus: Iterable[Beat], most: int) -> Iterator[Beat]:
    """Beats as a device would get them that takes `most` bytes at once, the lowest first."""
    for beat in bus:
        step = min(beat.size, most)
        for at in range(0, beat.size, step):
            data = _part(beat.data, at, step, beat.size)
            yield Beat(beat.letter, beat.offset + at, data, step)


def agree(one: Sequence[Beat], other: Sequence[Beat]) -> bool:
    """Whether they are the same as far as their data is known."""
    return len(one) == len(other) and all(
        a._replace(data=0) == b._replace(data=0)
        and (a.data == b.data or UNKNOWN in (a.data, b.data))
        for a, b in zip(one, other)
    )
