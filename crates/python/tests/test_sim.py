import json
import threading
from pathlib import Path
from typing import Any, Dict, List

import busprobe
import pytest
from busprobe import sim


def test_registers_do_what_their_kind_says() -> None:
    device = sim.Device(0x100)
    for number, access in enumerate(("rw", "ro", "wo", "w1c", "rc")):
        kind: Any = access
        device.register(4 * number, kind, reset=0xFF)
    with busprobe.open(device) as dev:
        assert dev.u32[0:5].tolist() == [0xFF, 0xFF, 0, 0xFF, 0xFF]
        dev.u32[0:5] = [0x11] * 5
        assert device.peek(8) == 0x11
        assert dev.u32[0:5].tolist() == [0x11, 0xFF, 0, 0xEE, 0x11]
        assert dev.u32[4] == 0


def test_a_fifo_gives_back_what_it_got_in_order() -> None:
    device = sim.Device(0x100)
    device.fifo(0x40, 3, width=16)
    with busprobe.open(device) as dev:
        dev.write_block(0x40, [1, 2, 3, 4], width=16, mode="fixed")
        assert device.level(0x40) == 3
        assert dev.read_block(0x40, 4, 16, mode="fixed").tolist() == [1, 2, 3, 0]


def test_a_fault_comes_when_it_was_ordered() -> None:
    device = sim.Device(64)
    device.memory(0, 64)
    device.fault(8, "write", after=1, times=1)
    with busprobe.open(device) as dev:
        dev.u32[2] = 1
        with pytest.raises(busprobe.BusError) as error:
            dev.u32[0:4] = [9, 9, 9, 9]
        assert (error.value.completed, error.value.offset) == (2, 8)
        dev.u32[2] = 2
        assert dev.u32[2] == 2


def test_what_a_callback_raises_comes_out_of_the_access() -> None:
    device = sim.Device(8)
    device.register(0)
    device.register(4)

    def refuse(value: int) -> None:
        raise LookupError(f"got {value}")

    device.on_write(0, refuse)
    with busprobe.open(device) as dev:
        for write in (
            lambda: dev.u32.__setitem__(0, 7),
            lambda: dev.write32(0, 7),
            lambda: dev.fill(0, 7, 2),
            lambda: dev.update(0, 0xFF, 7),
        ):
            with pytest.raises(LookupError, match="got 7"):
                write()
        with pytest.raises(busprobe.BusError):
            dev.u16[0] = 1


def test_a_callback_may_access_the_device_itself() -> None:
    device = sim.Device(8)
    device.register(0)
    device.register(4)
    with busprobe.open(device) as dev:
        device.on_write(0, lambda value: dev.u32.__setitem__(1, value + 1))
        dev.u32[0] = 6
        assert dev.u32[1] == 7
    assert [(a.direction, a.offset, a.value) for a in device.log] == [
        ("write", 0, 6),
        ("write", 4, 7),
        ("read", 4, 7),
    ]


def test_two_threads_use_a_device_with_callbacks() -> None:
    device = sim.Device(8)
    device.register(0)
    seen: List[int] = []
    device.on_write(0, seen.append)
    with busprobe.open(device) as dev:
        threads = [
            threading.Thread(target=lambda: [dev.write32(0, n) for n in range(200)])
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seen) == len(device.log) == 400


@pytest.mark.parametrize(
    ("method", "arguments", "error", "message"),
    [
        ("register", {"offset": 16}, IndexError, "offset 16 is beyond the device's 0x10 bytes"),
        ("register", {"offset": 14}, IndexError, "beyond"),
        ("register", {"offset": -1}, IndexError, "offsets count from 0"),
        ("register", {"offset": 0, "access": "x"}, ValueError, "access"),
        ("register", {"offset": 0, "reset": 2**32}, ValueError, "does not fit"),
        ("register", {"offset": 0, "width": 7}, ValueError, "a width is"),
        ("memory", {"offset": 0, "length": 17}, IndexError, "beyond"),
        ("fault", {"offset": 0, "direction": "up"}, ValueError, "direction"),
        ("delay", {"offset": 0, "seconds": -1}, ValueError, "number of seconds"),
    ],
)
def test_a_script_that_is_wrong_says_so(
    method: str, arguments: Dict[str, Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(sim.Device(16), method)(**arguments)


def test_the_log_is_a_trace(tmp_path: Path) -> None:
    device = sim.Device(16)
    device.memory(0, 8)
    with busprobe.open(device) as dev:
        dev.u16[1] = 0xA
        with pytest.raises(busprobe.BusError):
            dev.read32(8)
    sim.write_trace(device, tmp_path / "t.jsonl")
    records = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [record["t"] for record in records] == ["trace", "window", "access", "access"]
    assert records[0]["level"] == "bus"
    assert records[1]["length"] == 16
    for record in records[2:]:
        assert record.pop("time_ns") >= 0
    assert records[2:] == [
        {
            "t": "access",
            "seq": 0,
            "dir": "W",
            "window": 0,
            "offset": 2,
            "size": 2,
            "data": "0x000a",
        },
        {"t": "access", "seq": 1, "dir": "R", "window": 0, "offset": 8, "size": 4},
    ]


def test_a_device_is_described_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "d.sim").write_text("length 4K\nregister 0x0 w1c reset=0x3\nmemory 0x10+16\n")
    with busprobe.open(f"sim:{tmp_path / 'd.sim'}") as dev:
        dev.u32[0] = 1
        assert dev.u32[0] == 2
    (tmp_path / "d.sim").write_text("length 4K\nregister 0x0 what\n")
    with pytest.raises(busprobe.TargetError, match='line 2: "what" is no kind'):
        busprobe.open(f"sim:{tmp_path / 'd.sim'}")
