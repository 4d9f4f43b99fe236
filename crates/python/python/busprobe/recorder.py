"""Drive the AXI4-Lite recorder core, and turn what it recorded into a trace.

The core sits beside a link in an FPGA and records each transaction that the link carries::

    with busprobe.open("mem:0x43c10000+4K") as dev:
        recorder = Recorder(dev)
        with recorder.recording(first=0x43C00000, last=0x43C00FFF):
            ...                         # what the bus is to be watched for
        recorder.save("bus.jsonl")

The device is anything that has ``read32``, ``write32`` and ``read_block``: a busprobe window on a
board, a bus master in a simulation. Each method says what it reads and writes; nothing else
touches the bus.
"""

import contextlib
import json
import os
import platform
from enum import IntEnum
from typing import (
    Any,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    Literal,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Union,
)

__all__ = ["Device", "Lost", "Recorder", "Register", "Status", "Transaction", "records"]


class Register(IntEnum):
    """Byte offsets in the control port, as ``hdl/axil_recorder.svd`` has them."""

    ID = 0x000
    LINK = 0x004
    CAPACITY = 0x008
    CLOCK = 0x00C
    CONTROL = 0x010
    STATUS = 0x014
    LEVEL = 0x018
    LOST = 0x01C
    FIRST_LOW = 0x020
    FIRST_HIGH = 0x024
    LAST_LOW = 0x028
    LAST_HIGH = 0x02C
    RECORD = 0x040


ID_VALUE = 0x42505231
CONTROL_ARM = 1 << 0
CONTROL_CLEAR = 1 << 1
CONTROL_SKIP_READS = 1 << 2
CONTROL_SKIP_WRITES = 1 << 3
RECORD_WORDS = 8

# Records taken by one block read: 8 KiB of words, and no long hold of the interpreter.
_RECORDS_A_BLOCK = 256
_ADDRESS_MAX = (1 << 64) - 1
_RESPONSES = ("OKAY", "EXOKAY", "SLVERR", "DECERR")


class Device(Protocol):
    """What the driver needs of the control port: exact 32-bit accesses."""

    def read32(self, offset: int) -> int:
        """One 32-bit read."""
        ...

    def write32(self, offset: int, value: int) -> None:
        """One 32-bit write."""
        ...

    def read_block(
        self, offset: int, count: int, width: Literal[32], *, mode: Literal["fixed"]
    ) -> Sequence[int]:
        """``count`` 32-bit reads, all at ``offset``."""
        ...


class Transaction(NamedTuple):
    """One read or write as the link carried it."""

    direction: str
    """``R`` or ``W``."""
    address: int
    """As the master gave it; the word it lies in is what is transferred."""
    data: int
    """The whole word, all byte lanes."""
    strobes: int
    """One bit a byte lane, bit 0 the lowest address; 0 for a read, which has none."""
    response: int
    """0 OKAY, 1 EXOKAY, 2 SLVERR, 3 DECERR."""
    cycle: int
    """The clock cycle in which the address was taken, counted from the core's reset."""
    response_cycle: int
    """The clock cycle in which the response was taken."""


class Lost(NamedTuple):
    """Transactions that are missing at this place."""

    transactions: int


class Status(NamedTuple):
    """What the core says of itself."""

    armed: bool
    level: int
    """Whole records that wait to be drained."""
    lost: int
    """Transactions not recorded since the last clear; stays at 2**32 - 1."""
    overflow: bool
    """Some were lost because the memory was full."""
    outstanding: bool
    """Some were lost because too many requests waited for their responses."""
    unpaired: bool
    """A response came to which the core had seen no request."""


class Recorder:
    """The driver of one recorder core."""

    def __init__(self, device: Device, offset: int = 0) -> None:
        """Read ``ID``, ``LINK``, ``CAPACITY``, ``CLOCK`` and the filter, once each.

        :param device: the control port.
        :param offset: where in the device the control port begins, in bytes.
        :raises ValueError: there is no recorder core at that place.
        """
        self._device = device
        self._offset = offset
        found = self._read(Register.ID)
        if found != ID_VALUE:
            raise ValueError(
                f"no recorder core at offset {offset:#x}: its first word is {ID_VALUE:#010x} and "
                f"here is {found:#010x}; check the address of the control port, and that the "
                "FPGA is configured"
            )
        link = self._read(Register.LINK)
        self.data_width = link & 0xFF
        """Bits of the link's data: 32 or 64."""
        self.address_width = link >> 8 & 0xFF
        """Bits of the link's addresses."""
        self.outstanding = link >> 16
        """Requests that may wait for their responses before the core loses some."""
        self.capacity = self._read(Register.CAPACITY)
        """Records that the core's memory holds."""
        self.clock_hz = self._read(Register.CLOCK)
        """The link's clock; 0 when it was not given to the core."""
        self._first = self._read(Register.FIRST_HIGH) << 32 | self._read(Register.FIRST_LOW)
        last = self._read(Register.LAST_HIGH) << 32 | self._read(Register.LAST_LOW)
        self._last = min(last, (1 << self.address_width) - 1)
        self._accounted = 0
        self._reported_early = 0

    def __repr__(self) -> str:
        """Say what the core is. Touches no bus."""
        return (
            f"<Recorder of a {self.data_width}-bit link, {self.capacity} records, "
            f"window {self._first:#x} to {self._last:#x}>"
        )

    def arm(
        self, first: int = 0, last: Optional[int] = None, *, reads: bool = True, writes: bool = True
    ) -> None:
        """Record from now on what touches the bytes ``first`` to ``last``.

        Writes the four filter registers and ``CONTROL``. What is in the memory stays there.
        """
        end = (1 << self.address_width) - 1
        last = end if last is None else last
        if not 0 <= first <= last <= end:
            raise ValueError(
                f"the range {first:#x} to {last:#x} is not within the link's addresses, "
                f"0 to {end:#x}"
            )
        self._first, self._last = first, last
        self._write(Register.FIRST_LOW, first & 0xFFFFFFFF)
        self._write(Register.FIRST_HIGH, first >> 32)
        self._write(Register.LAST_LOW, last & 0xFFFFFFFF)
        self._write(Register.LAST_HIGH, last >> 32)
        skipped = (0 if reads else CONTROL_SKIP_READS) | (0 if writes else CONTROL_SKIP_WRITES)
        self._write(Register.CONTROL, CONTROL_ARM | skipped)

    def disarm(self) -> None:
        """Record no more; what was recorded stays. Writes ``CONTROL``."""
        self._write(Register.CONTROL, 0)

    def clear(self) -> None:
        """Disarm, forget all records, and set the counts and flags to zero. Writes ``CONTROL``."""
        self._write(Register.CONTROL, CONTROL_CLEAR)
        self._accounted = self._reported_early = 0

    @contextlib.contextmanager
    def recording(
        self, first: int = 0, last: Optional[int] = None, *, reads: bool = True, writes: bool = True
    ) -> "Generator[Recorder, None, None]":
        """Clear, record what happens inside the ``with`` block, and disarm."""
        self.clear()
        self.arm(first, last, reads=reads, writes=writes)
        try:
            yield self
        finally:
            self.disarm()

    def status(self) -> Status:
        """Read ``CONTROL``, ``STATUS``, ``LEVEL`` and ``LOST``."""
        control, status = self._read(Register.CONTROL), self._read(Register.STATUS)
        return Status(
            armed=bool(control & CONTROL_ARM),
            level=self._read(Register.LEVEL),
            lost=self._read(Register.LOST),
            overflow=bool(status & 1),
            outstanding=bool(status & 2),
            unpaired=bool(status & 4),
        )

    def drain(self) -> "List[Union[Transaction, Lost]]":
        """Take all records that wait, oldest first, and each loss at its place.

        Reads ``STATUS`` and ``LEVEL``, then ``RECORD`` eight times a record, then ``LOST`` and
        ``LEVEL``. The core may go on recording meanwhile: call it again for what came later.
        """
        events: List[Union[Transaction, Lost]] = []
        half_read = self._read(Register.STATUS) >> 8 & 7
        waiting = self._read(Register.LEVEL)
        if half_read:
            # Another program took the first words of this record.
            self._take_words(RECORD_WORDS - half_read)
            events.append(Lost(1))
            waiting -= 1
        while waiting > 0:
            count = min(waiting, _RECORDS_A_BLOCK)
            words = self._take_words(RECORD_WORDS * count)
            for at in range(0, len(words), RECORD_WORDS):
                if not words[at] & 1:
                    # Another program took it between LEVEL and here.
                    events.append(Lost(1))
                    continue
                gap, transaction = _decode(words[at : at + RECORD_WORDS])
                self._account(gap, events)
                events.append(transaction)
            waiting -= count
        later = self._read(Register.LOST) - self._accounted - self._reported_early
        # With no record after them, they are the latest; the next record's gap counts them again.
        if later > 0 and self._read(Register.LEVEL) == 0:
            self._reported_early += later
            events.append(Lost(later))
        return events

    def save(self, path: "Union[str, os.PathLike[str]]", name: str = "recorder") -> int:
        """Drain into a trace file (JSON Lines); returns how many transactions it holds.

        Reads what :meth:`status` and :meth:`drain` read.
        """
        events = self.drain()
        unpaired = self.status().unpaired
        with open(path, "w", encoding="ascii") as file:
            for record in self.trace(events, name, unpaired=unpaired):
                file.write(json.dumps(record, separators=(",", ":")) + "\n")
        return sum(isinstance(event, Transaction) for event in events)

    def trace(
        self,
        events: "Iterable[Union[Transaction, Lost]]",
        name: str = "recorder",
        *,
        unpaired: bool = False,
    ) -> Iterator[Dict[str, Any]]:
        """The records of a trace of these events, the header first. Touches no bus.

        The window is the range that is recorded, in whole words of the link.
        """
        lane_mask = self.data_width // 8 - 1
        base = self._first & ~lane_mask
        yield {
            "t": "trace",
            "version": 1,
            "level": "bus",
            "capture": "recorder",
            "machine": platform.machine(),
        }
        length = min((self._last | lane_mask) + 1 - base, _ADDRESS_MAX)
        yield {"t": "window", "id": 0, "name": name, "base": base, "length": length}
        seq = 0
        began: Optional[int] = None
        for event in events:
            if isinstance(event, Lost):
                found: Iterable[Dict[str, Any]] = [_missed(event.transactions)]
            else:
                began = event.cycle if began is None else began
                found = records(event, self.data_width, base, self._nanoseconds(event, began))
            for record in found:
                yield {"t": record["t"], "seq": seq, **record}
                seq += 1
        if unpaired:
            detail = (
                "a response came to which the recorder had seen no request, so responses may be "
                "with the wrong requests: reset the recorder together with the link"
            )
            yield {"t": "loss", "seq": seq, "kind": "approximate", "detail": detail}

    def _nanoseconds(self, event: Transaction, began: int) -> Optional[int]:
        if not self.clock_hz:
            return None
        return (event.response_cycle - began) * 1_000_000_000 // self.clock_hz

    def _account(self, gap: int, events: "List[Union[Transaction, Lost]]") -> None:
        """Report a gap, less what an earlier drain has reported of it."""
        self._accounted += gap
        early = min(gap, self._reported_early)
        self._reported_early -= early
        if gap > early:
            events.append(Lost(gap - early))

    def _take_words(self, count: int) -> Sequence[int]:
        return self._device.read_block(self._offset + Register.RECORD, count, 32, mode="fixed")

    def _read(self, register: Register) -> int:
        return self._device.read32(self._offset + register)

    def _write(self, register: Register, value: int) -> None:
        self._device.write32(self._offset + register, value)


def _decode(words: Sequence[int]) -> Tuple[int, Transaction]:
    """The gap before a record, and the record."""
    header, address_low, address_high, data_low, data_high, cycle, response_cycle, high = words
    transaction = Transaction(
        direction="W" if header & 2 else "R",
        address=address_high << 32 | address_low,
        data=data_high << 32 | data_low,
        strobes=header >> 8 & 0xFF,
        response=header >> 2 & 3,
        cycle=(high & 0xFFFF) << 32 | cycle,
        response_cycle=high >> 16 << 32 | response_cycle,
    )
    return header >> 16, transaction


def records(
    transaction: Transaction, data_width: int, base: int = 0, time_ns: Optional[int] = None
) -> Iterator[Dict[str, Any]]:
    """One transaction as records of a trace, without their ``seq``.

    A write becomes an access of the bytes whose strobes are set, a read one of the whole word. What
    an access cannot say is a loss beside it: strobes with a hole or none at all, an error response.

    :param data_width: of the link, in bits.
    :param base: the address of the window's first byte.
    """
    lanes = data_width // 8
    word = transaction.address & ~(lanes - 1)
    strobes = transaction.strobes if transaction.direction == "W" else (1 << lanes) - 1
    runs = list(_runs(strobes))
    for first, size in runs:
        data = transaction.data >> 8 * first & (1 << 8 * size) - 1
        access: Dict[str, Any] = {
            "t": "access",
            "dir": transaction.direction,
            "window": 0,
            "offset": word + first - base,
            "size": size,
            "data": f"0x{data:0{2 * size}x}",
            "thread": 0,
        }
        if time_ns is not None:
            access["time_ns"] = time_ns
        yield access
    if len(runs) != 1:
        yield _approximate(
            f"a write to {word:#x} with strobes {strobes:#0{lanes + 2}b} is one transaction on the "
            f"bus and {len(runs)} accesses here"
        )
    if transaction.response & 2:
        verb = "read of" if transaction.direction == "R" else "write to"
        yield _approximate(
            f"the device answered the {verb} {word:#x} with {_RESPONSES[transaction.response]}: "
            "what it did is not known"
        )


def _runs(strobes: int) -> Iterator[Tuple[int, int]]:
    """The first lane and the length of each run of set strobes, ascending."""
    lane = 0
    while strobes >> lane:
        if strobes >> lane & 1:
            size = 1
            while strobes >> (lane + size) & 1:
                size += 1
            yield lane, size
            lane += size
        else:
            lane += 1


def _approximate(detail: str) -> Dict[str, Any]:
    return {"t": "loss", "kind": "approximate", "detail": detail}


def _missed(count: int) -> Dict[str, Any]:
    noun = "transaction" if count == 1 else "transactions"
    detail = f"the recorder had no room: {count} {noun} of the link at this place were not recorded"
    return {"t": "loss", "kind": "missed", "detail": detail, "count": count}
