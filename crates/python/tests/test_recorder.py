"""The driver of the recorder core, on a model of the core; hdl/ runs it on the core itself."""

import json
import os
from array import array
from collections import deque
from pathlib import Path
from typing import Any, Deque, Dict, List, Optional, Tuple

import busprobe
import pytest
from busprobe.recorder import Lost, Recorder, Register, Transaction
from hypothesis import given
from hypothesis import strategies as st


class Core:
    """The control port, at an offset of 0x1000, as ``hdl/axil_recorder.svd`` has it."""

    def __init__(
        self, data_width: int = 32, clock_hz: int = 100_000_000, capacity: int = 4
    ) -> None:
        self.registers: Dict[int, int] = {
            Register.ID: 0x42505231,
            Register.LINK: 16 << 16 | 32 << 8 | data_width,
            Register.CAPACITY: capacity,
            Register.CLOCK: clock_hz,
            Register.LAST_LOW: 0xFFFFFFFF,
            Register.LAST_HIGH: 0xFFFFFFFF,
        }
        self.records: Deque[Tuple[int, ...]] = deque()
        self.word = self.lost = self.gap = 0
        self.unpaired = False
        self.log: List[Tuple[str, int]] = []

    def happens(self, transaction: Transaction) -> None:
        if len(self.records) == self.registers[Register.CAPACITY]:
            self.lost += 1
            self.gap = min(self.gap + 1, 0xFFFF)
            return
        t = transaction
        header = self.gap << 16 | t.strobes << 8 | t.response << 2 | (t.direction == "W") << 1 | 1
        low = 0xFFFFFFFF
        high = t.response_cycle >> 32 << 16 | t.cycle >> 32
        address = (t.address & low, t.address >> 32)
        data = (t.data & low, t.data >> 32)
        cycles = (t.cycle & low, t.response_cycle & low, high)
        self.records.append((header, *address, *data, *cycles))
        self.gap = 0

    def read32(self, offset: int) -> int:
        register = offset - 0x1000
        self.log.append(("R", register))
        if register == Register.RECORD:
            if not self.records:
                return 0
            value = self.records[0][self.word]
            self.word = (self.word + 1) % 8
            if self.word == 0:
                self.records.popleft()
            return value
        if register == Register.STATUS:
            return self.word << 8 | self.unpaired << 2 | (self.lost > 0)
        dynamic: Dict[int, int] = {Register.LEVEL: len(self.records), Register.LOST: self.lost}
        return dynamic.get(register, self.registers.get(register, 0))

    def write32(self, offset: int, value: int) -> None:
        register = offset - 0x1000
        self.log.append(("W", register))
        if register == Register.CONTROL and value & 2:
            self.records.clear()
            self.word = self.lost = self.gap = 0
        self.registers[register] = value

    def read_block(self, offset: int, count: int, width: int, *, mode: str) -> "array[int]":
        assert (width, mode) == (32, "fixed")
        return array("I", [self.read32(offset) for _ in range(count)])


def recorder(core: Core) -> Recorder:
    return Recorder(core, 0x1000)


def saved(core: Core, path: Path, drv: Optional[Recorder] = None) -> List[Dict[str, Any]]:
    (drv or recorder(core)).save(path / "bus.jsonl")
    return [json.loads(line) for line in (path / "bus.jsonl").read_text().splitlines()]


WRITE = Transaction("W", 0x40, 0xDEADBEEF, 0b1111, 0, 7, 10)
READ = Transaction("R", 0x44, 0x5, 0, 0, 12, 15)


def test_a_recording_clears_sets_the_filter_arms_and_disarms() -> None:
    core = Core()
    core.happens(WRITE)
    drv = recorder(core)
    core.log.clear()
    with drv.recording(first=0x40, last=0x4F, reads=False):
        assert core.registers[Register.CONTROL] == 0b0101
        core.happens(WRITE)
    assert core.registers[Register.CONTROL] == 0
    assert core.registers[Register.FIRST_LOW] == 0x40
    assert core.registers[Register.LAST_LOW] == 0x4F
    assert [name for name, _ in core.log] == ["W"] * 7
    assert drv.drain() == [WRITE]


def test_a_recording_disarms_when_the_program_fails() -> None:
    core = Core()
    with pytest.raises(RuntimeError), recorder(core).recording():
        raise RuntimeError
    assert core.registers[Register.CONTROL] == 0


def test_a_trace_has_a_header_a_window_and_the_accesses(tmp_path: Path) -> None:
    core = Core()
    core.happens(WRITE)
    core.happens(READ)
    assert saved(core, tmp_path) == [
        {
            "t": "trace",
            "version": 1,
            "level": "bus",
            "capture": "recorder",
            "machine": os.uname().machine,
        },
        {"t": "window", "id": 0, "name": "recorder", "base": 0, "length": 1 << 32},
        {
            **{"t": "access", "seq": 0, "dir": "W", "window": 0, "offset": 0x40, "size": 4},
            **{"data": "0xdeadbeef", "thread": 0, "time_ns": 30},
        },
        {
            **{"t": "access", "seq": 1, "dir": "R", "window": 0, "offset": 0x44, "size": 4},
            **{"data": "0x00000005", "thread": 0, "time_ns": 80},
        },
    ]


def test_offsets_count_from_the_range_that_was_watched(tmp_path: Path) -> None:
    core = Core(data_width=64)
    drv = recorder(core)
    drv.arm(0x44, 0x4B)
    core.happens(READ._replace(address=0x40, data=0x1122334455667788))
    assert "window 0x44 to 0x4b" in repr(recorder(core)), "another process finds it in the core"
    _, window, access = saved(core, tmp_path, drv)
    assert (window["base"], window["length"]) == (0x40, 16), "whole words of the link"
    assert (access["offset"], access["size"], access["data"]) == (0, 8, "0x1122334455667788")


def test_strobes_say_which_bytes_an_access_has(tmp_path: Path) -> None:
    core = Core(data_width=64, clock_hz=0)
    core.happens(WRITE._replace(strobes=0b11110000, data=0x1122334455667788))
    core.happens(WRITE._replace(strobes=0b10000110, data=0x1122334455667788))
    core.happens(WRITE._replace(strobes=0))
    found = saved(core, tmp_path)[2:]
    assert [(r["t"], r.get("offset"), r.get("data", r.get("detail"))) for r in found] == [
        ("access", 0x44, "0x11223344"),
        ("access", 0x41, "0x6677"),
        ("access", 0x47, "0x11"),
        (
            "loss",
            None,
            "a write to 0x40 with strobes 0b10000110 is one transaction on the bus and 2 accesses "
            "here",
        ),
        (
            "loss",
            None,
            "a write to 0x40 with strobes 0b00000000 is one transaction on the bus and 0 accesses "
            "here",
        ),
    ]
    assert [record["seq"] for record in found] == list(range(5))
    assert all("time_ns" not in record for record in found), "the clock is not known"


def test_an_error_response_and_a_full_memory_are_losses(tmp_path: Path) -> None:
    core = Core(capacity=1)
    core.happens(READ._replace(response=3))
    core.happens(WRITE)
    core.happens(WRITE)
    core.unpaired = True
    losses = [record for record in saved(core, tmp_path) if record["t"] == "loss"]
    assert [(loss["kind"], loss.get("count")) for loss in losses] == [
        ("approximate", None),
        ("missed", 2),
        ("approximate", None),
    ]
    assert losses[0]["detail"].startswith("the device answered the read of 0x44 with DECERR")
    assert "2 transactions" in losses[1]["detail"]
    assert "no request" in losses[2]["detail"]


def test_a_half_read_record_is_a_loss() -> None:
    core = Core()
    core.happens(WRITE)
    core.happens(READ)
    core.read32(0x1000 + Register.RECORD)
    assert recorder(core).drain() == [Lost(1), READ]


def test_a_record_that_another_program_takes_amid_a_drain_is_a_loss() -> None:
    class Shared(Core):
        def read32(self, offset: int) -> int:
            value = super().read32(offset)
            return value + 1 if offset == 0x1000 + Register.LEVEL else value

    core = Shared()
    core.happens(WRITE)
    assert recorder(core).drain() == [WRITE, Lost(1)]


@given(st.lists(st.one_of(st.just("happens"), st.just("drain")), max_size=60))
def test_every_transaction_is_drained_or_counted_in_its_place(steps: List[str]) -> None:
    core = Core(capacity=3)
    drv = recorder(core)
    seen = 0
    at = 0
    for step in [*steps, "drain"]:
        if step == "happens":
            core.happens(WRITE._replace(address=4 * seen))
            seen += 1
            continue
        for event in drv.drain():
            if isinstance(event, Lost):
                at += event.transactions
            else:
                assert event.address == 4 * at
                at += 1
        assert at == seen


def test_a_window_serves_as_the_control_port(tmp_path: Path) -> None:
    device = ["length 4K", f"register 0x0 ro reset={0x42505231:#x}", "register 0x4 ro reset=0x2020"]
    device += [f"register {offset:#x} rw" for offset in range(0x8, 0x30, 4)]
    device += ["fifo 0x40 depth=64", "when write 0x10 put 0x18 1"]
    words = (0x00000F03, 0x40, 0, 0xDEADBEEF, 0, 7, 10, 0)
    device += [f"when write 0x10 put 0x40 {word:#x}" for word in words]
    (tmp_path / "recorder").write_text("\n".join(device))
    with busprobe.open(f"sim:{tmp_path / 'recorder'}") as window:
        drv = Recorder(window)
        drv.disarm()
        assert drv.drain() == [WRITE]


def test_no_recorder_at_the_place_is_an_error_before_anything_is_written() -> None:
    core = Core()
    core.registers[Register.ID] = 0xFFFFFFFF
    with pytest.raises(ValueError, match=r"no recorder core at offset 0x1000.*0xffffffff"):
        recorder(core)
    assert core.log == [("R", Register.ID)]


@pytest.mark.parametrize(("first", "last"), [(-1, 4), (8, 4), (0, 1 << 32)])
def test_a_range_outside_the_link_is_an_error_before_anything_is_written(
    first: int, last: int
) -> None:
    core = Core()
    drv = recorder(core)
    core.log.clear()
    with pytest.raises(ValueError, match="not within the link's addresses"):
        drv.arm(first, last)
    assert core.log == []


def test_repr_touches_no_bus() -> None:
    core = Core()
    drv = recorder(core)
    core.log.clear()
    assert "32-bit link, 4 records" in repr(drv)
    assert core.log == []
