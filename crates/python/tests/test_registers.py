"""Updates, fields, polls, split and ordered accesses, judged by a simulated device's log."""

import array
import threading
import time
from pathlib import Path
from typing import Any, List, Tuple

import busprobe
import numpy as np
import pytest
from busprobe import sim


@pytest.fixture
def device() -> sim.Device:
    device = sim.Device(0x100)
    device.register(0x10, reset=0x12345678)
    device.register(0x20, reset=0x89ABCDEF)
    device.register(0x24, reset=0x01234567)
    device.memory(0x80, 0x80)
    return device


def log(device: sim.Device) -> List[Tuple[str, int, int, Any]]:
    found = [(a.direction, a.offset, a.width, a.value) for a in device.log]
    device.clear_log()
    return found


def test_an_update_is_one_read_and_one_write(device: sim.Device) -> None:
    with busprobe.open(device) as dev:
        assert dev.update(0x10, mask=0xFF00, value=0xAB00) == 0x12345678
    assert log(device) == [("read", 0x10, 32, 0x12345678), ("write", 0x10, 32, 0x1234AB78)]


@pytest.mark.parametrize(
    ("offset", "mask", "value", "width", "message"),
    [
        (0x10, 0x6, 0x8, 32, "the value 0x8 has bits outside of the mask 0x6"),
        (0x10, 2**32, 0, 32, "does not fit"),
        (0x10, 1, -1, 32, "does not fit"),
        (0x12, 1, 1, 32, "aligned"),
        (0x10, 1, 1, 12, "a width is"),
    ],
)
def test_a_bad_update_makes_no_access(
    device: sim.Device, offset: int, mask: int, value: int, width: Any, message: str
) -> None:
    with busprobe.open(device) as dev, pytest.raises(ValueError, match=message):
        dev.update(offset, mask, value, width)
    assert log(device) == []


@pytest.mark.parametrize("field", ["15:8", (15, 8)])
def test_a_field_is_one_read_and_one_more_write(device: sim.Device, field: Any) -> None:
    with busprobe.open(device) as dev:
        assert dev.read_field(0x10, field) == 0x56
        assert log(device) == [("read", 0x10, 32, 0x12345678)]
        assert dev.write_field(0x10, field, 0xAB) == 0x56
    assert log(device) == [("read", 0x10, 32, 0x12345678), ("write", 0x10, 32, 0x1234AB78)]


def test_a_field_may_be_one_bit(device: sim.Device) -> None:
    with busprobe.open(device) as dev:
        assert [dev.read_field(0x10, bit) for bit in (3, 4, "5")] == [1, 1, 1]


@pytest.mark.parametrize("field", ["8:15", "64:0", "x", (8, 15), 32, "32:1"])
def test_a_bad_field_makes_no_access(device: sim.Device, field: Any) -> None:
    with busprobe.open(device) as dev:
        with pytest.raises(ValueError, match="field"):
            dev.read_field(0x10, field)
        with pytest.raises(ValueError, match="does not fit into the field 7:4"):
            dev.write_field(0x10, "7:4", 0x10)
    assert log(device) == []


def test_a_poll_says_how_often_it_read() -> None:
    device = sim.Device(4)
    device.register(0)
    reads: List[int] = []

    def ready(_: int) -> None:
        reads.append(1)
        device.poke(0, 0x80 | (len(reads) == 5))

    device.on_read(0, ready)
    with busprobe.open(device) as dev:
        polled = dev.poll(0, mask=1, value=1, interval=0)
    assert polled == (0x81, 5)
    assert (polled.value, polled.reads) == (0x81, 5)
    assert len(device.log) == 5


def test_a_poll_that_is_too_long_says_what_it_saw(device: sim.Device) -> None:
    with busprobe.open(device) as dev, pytest.raises(TimeoutError) as error:
        dev.poll(0x10, mask=1, value=1, timeout=0)
    assert isinstance(error.value, busprobe.PollTimeout)
    assert (error.value.value, error.value.reads) == (0x12345678, 1)
    assert "the last of 1 reads gave 0x12345678" in str(error.value)


def test_other_threads_run_while_one_polls(device: sim.Device) -> None:
    with busprobe.open(device) as dev:
        thread = threading.Timer(0.01, lambda: device.poke(0x10, 1))
        thread.start()
        assert dev.poll(0x10, mask=0xFF, value=1, timeout=10).value == 1
        thread.join()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(device: sim.Device, timeout: float) -> None:
    with busprobe.open(device) as dev, pytest.raises(ValueError, match="number of seconds"):
        dev.poll(0x10, mask=1, value=1, timeout=timeout)


def test_a_64_bit_value_is_split_only_in_the_order_asked_for(device: sim.Device) -> None:
    with busprobe.open(device) as dev:
        with pytest.raises(busprobe.BusError):
            dev.read64(0x20)
        assert log(device) == [("read", 0x20, 64, None)]
        assert dev.read64_lo_hi(0x20) == dev.read64_hi_lo(0x20) == 0x0123456789ABCDEF
        assert [offset for _, offset, _, _ in log(device)] == [0x20, 0x24, 0x24, 0x20]
        dev.write64_lo_hi(0x20, 0x2222222211111111)
        dev.write64_hi_lo(0x20, 0x4444444433333333)
    assert log(device) == [
        ("write", 0x20, 32, 0x11111111),
        ("write", 0x24, 32, 0x22222222),
        ("write", 0x24, 32, 0x44444444),
        ("write", 0x20, 32, 0x33333333),
    ]


def test_a_flush_is_one_read_and_a_fence_none(device: sim.Device) -> None:
    with busprobe.open(device) as dev:
        dev.fence()
        dev.flush(0x10)
    assert log(device) == [("read", 0x10, 32, 0x12345678)]


@pytest.mark.parametrize("out", [bytearray(16), array.array("I", [0] * 4), np.zeros(4, "u4")])
def test_as_much_is_read_as_there_is_room_for(device: sim.Device, out: Any) -> None:
    with busprobe.open(device) as dev:
        dev.write_block(0x80, [1, 2, 3, 4])
        assert dev.read_into(0x80, out) == 4
    assert bytes(out) == bytes(array.array("I", [1, 2, 3, 4]))


def test_a_big_endian_window_has_the_high_byte_first(device: sim.Device) -> None:
    def memory(count: int) -> List[Any]:
        return [device.peek(0x80 + n) for n in range(count)]

    with busprobe.open(device, byteorder="big") as dev:
        assert dev.u32.format == ">I"
        assert dev.u8.format == "B"
        dev.write32(0x80, 0x01020304)
        assert memory(4) == [1, 2, 3, 4]
        assert dev.read32(0x80) == 0x01020304
        values = [0x0102, 0x0304]
        for source in [values, array.array("H", values), np.array(values, ">u2"), b"\1\2\3\4"]:
            dev.fill(0x80, 0, 4, width=8)
            dev.u16[0x40:0x42] = source
            assert memory(4) == [1, 2, 3, 4]
        assert dev.u16[0x40:0x42].tolist() == values
        native, big, raw = np.zeros(2, "u2"), np.zeros(2, ">u2"), bytearray(4)
        for out in (native, big, raw):
            dev.read_into(0x80, out, width=16)
        assert native.tolist() == big.tolist() == values
        assert raw == b"\1\2\3\4"


def test_a_buffer_has_a_big_endian_view() -> None:
    buffer = bytearray(8)
    with busprobe.view(buffer, ">I") as view:
        view[0] = 0x01020304
        view[1:2] = [0x05060708]
        assert view[0] == 0x01020304
        assert view[:].tolist() == [0x01020304, 0x05060708]
    assert buffer == bytes(range(1, 9))


def test_strict_order_changes_nothing_but_the_order(path: Path) -> None:
    with busprobe.open(path, strict_order=True) as dev:
        dev.u32[0] = 7
        dev.u32[1:5] = [1, 2, 3, 4]
        assert dev.u32[0:5].tolist() == [7, 1, 2, 3, 4]
        assert dev.u16[0] == 7


def test_what_is_not_allowed_is_not_accessed(device: sim.Device) -> None:
    with busprobe.open(device, allow=[range(0x10, 0x14), range(0x80, 0x90)]) as dev:
        dev.u32[4] = 1
        dev.u32[0x20:0x24] = [1, 2, 3, 4]
        device.clear_log()
        for write in (
            lambda: dev.write32(0x20, 1),
            lambda: dev.u32.__setitem__(8, 1),
            lambda: dev.write_block(0x88, [1, 2, 3]),
            lambda: dev.update(0x24, 1, 1),
        ):
            with pytest.raises(ValueError, match="not among the allowed ranges"):
                write()
    assert log(device) == []
    with pytest.raises(ValueError, match="no steps"):
        busprobe.open(device, allow=[range(0, 8, 2)])


def test_a_lock_keeps_out_those_who_ask_for_it(path: Path) -> None:
    with busprobe.open(path) as one, busprobe.open(path) as other:
        with one.lock():
            with pytest.raises(busprobe.LockTimeout), other.lock(timeout=0.002):
                pass
        with other.lock(timeout=0):
            other.u32[0] = 1
    with busprobe.open("anon:4K") as dev, pytest.raises(ValueError, match="no file"), dev.lock():
        pass


def test_the_unsafe_view_keeps_the_memory_that_it_shows(path: Path) -> None:
    dev = busprobe.open(path)
    view = dev.unsafe_view()
    view[0:4] = b"abcd"
    dev.close()
    assert bytes(view[0:4]) == b"abcd"
    view.release()
    assert path.read_bytes()[:4] == b"abcd"
    with busprobe.open(path, read_only=True) as dev, dev.unsafe_view() as view:
        assert view.readonly


def test_a_window_that_is_closed_in_the_middle_of_a_transfer_completes_it() -> None:
    device = sim.Device(64)
    device.memory(0, 64)
    device.delay(0, 0.02)
    dev = busprobe.open(device)
    thread = threading.Thread(target=lambda: dev.write_block(0, [1, 2, 3]))
    thread.start()
    time.sleep(0.005)
    dev.close()
    thread.join()
    assert [access.value for access in device.log] == [1, 2, 3]
    with pytest.raises(ValueError, match="closed"):
        dev.read32(0)


def test_threads_share_a_window() -> None:
    with busprobe.open("anon:64K") as dev:

        def work(thread: int) -> None:
            for turn in range(20):
                dev.write_block(thread * 16384, array.array("I", [thread + turn] * 4096))
                assert set(dev.read_block(thread * 16384, 4096)) == {thread + turn}

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [dev.u32[n * 4096] for n in range(4)] == [19, 20, 21, 22]
