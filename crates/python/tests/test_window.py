import array
from pathlib import Path
from typing import Any

import busprobe
import numpy as np
import pytest


def test_scalars_are_accessed_by_byte_offset(dev: busprobe.Window, path: Path) -> None:
    dev.write8(1, 0xA1)
    dev.write16(2, 0xB2B1)
    dev.write32(4, 0xC4C3C2C1)
    dev.write64(8, 0xD8D7D6D5D4D3D2D1)
    assert path.read_bytes()[:16] == bytes.fromhex("00a1b1b2c1c2c3c4d1d2d3d4d5d6d7d8")
    assert dev.read8(1) == 0xA1
    assert dev.read16(2) == 0xB2B1
    assert dev.read32(4) == 0xC4C3C2C1
    assert dev.read64(8) == 0xD8D7D6D5D4D3D2D1


def test_a_block_goes_up(dev: busprobe.Window, path: Path) -> None:
    dev.write_block(0x40, b"ABCDEFGH", width=16)
    assert path.read_bytes()[0x40:0x48] == b"ABCDEFGH"
    assert dev.read_block(0x40, 2, 32).tolist() == [0x44434241, 0x48474645]


def test_a_fixed_block_stays_where_it_is(dev: busprobe.Window, path: Path) -> None:
    before = path.read_bytes()
    dev.write_block(0x40, [1, 2, 3], width=32, mode="fixed")
    assert path.read_bytes() == before[:0x40] + b"\3\0\0\0" + before[0x44:]
    assert dev.read_block(0x40, 3, 32, mode="fixed").tolist() == [3, 3, 3]


def test_a_fill_writes_one_value(dev: busprobe.Window, path: Path) -> None:
    before = path.read_bytes()
    dev.fill(0x10, 0xABCD, 3, width=16)
    assert path.read_bytes() == before[:0x10] + b"\xcd\xab" * 3 + before[0x16:]


@pytest.mark.parametrize("out", [bytearray(8), array.array("I", [0, 0]), np.zeros(2, "u4")])
def test_a_block_is_read_into_the_callers_buffer(dev: busprobe.Window, out: Any) -> None:
    assert dev.read_block(4, 2, 32, out=out) is out
    assert bytes(out) == bytes(range(4, 12))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (bytearray(7), "out has 7 bytes, and 2 elements of 32 bits are read"),
        (bytearray(12), "out has 12 bytes"),
        (bytes(8), "read-only"),
        (np.zeros(4, "u4")[::2], "gaps"),
        (np.zeros(2, "f4"), "unsigned integers of 32 bits"),
    ],
)
def test_a_bad_buffer_to_read_into_is_refused(dev: busprobe.Window, out: Any, message: str) -> None:
    with pytest.raises(busprobe.AccessError, match=message):
        dev.read_block(4, 2, 32, out=out)


@pytest.mark.parametrize(
    ("offset", "count", "width", "error"),
    [
        (4096, 1, 32, IndexError),
        (4094, 1, 32, IndexError),
        (0, 1025, 32, IndexError),
        (0, 2**62, 64, IndexError),
        (2**64 - 4, 1, 32, IndexError),
        (-4, 1, 32, IndexError),
        (2**64, 1, 32, IndexError),
        (0, -1, 32, IndexError),
        (2, 1, 32, ValueError),
        (1, 1, 16, ValueError),
        (4, 1, 64, ValueError),
        (0, 1, 24, ValueError),
        (0.0, 1, 32, TypeError),
    ],
)
def test_a_run_outside_or_unaligned_is_refused(
    dev: busprobe.Window, path: Path, offset: Any, count: int, width: Any, error: type
) -> None:
    before = path.read_bytes()
    with pytest.raises(error):
        dev.read_block(offset, count, width)
    with pytest.raises(error):
        dev.fill(offset, 1, count, width)
    if 0 <= count < 2000:
        with pytest.raises(error):
            dev.write_block(offset, [1] * count, width)
    assert path.read_bytes() == before


def test_an_unknown_mode_is_refused(dev: busprobe.Window) -> None:
    mode: Any = "up"
    with pytest.raises(ValueError, match='mode "up": a mode is "incr" or "fixed"'):
        dev.write_block(0, [1], mode=mode)


def test_a_closed_window_takes_no_access(path: Path) -> None:
    dev = busprobe.open(path)
    views = [dev.u8, dev.u16, dev.u32, dev.u64]
    dev.close()
    dev.close()
    assert dev.closed
    before = path.read_bytes()
    for view in views:
        with pytest.raises(ValueError, match="is closed"):
            view[0]
        with pytest.raises(ValueError, match="is closed"):
            view[0] = 1
        with pytest.raises(ValueError, match="is closed"):
            view[0:2]
        with pytest.raises(ValueError, match="is closed"):
            view[0:2] = [1, 2]
    with pytest.raises(ValueError, match="is closed"):
        dev.read32(0)
    with pytest.raises(ValueError, match="is closed"):
        dev.write_block(0, b"abcd")
    assert path.read_bytes() == before
    assert repr(dev).endswith("closed>")


def test_a_window_that_is_closed_while_values_are_gathered_is_not_written(path: Path) -> None:
    dev = busprobe.open(path)

    class Closes:
        def __index__(self) -> int:
            dev.close()
            return 1

    before = path.read_bytes()
    with pytest.raises(ValueError, match="is closed"):
        dev.u32[0] = Closes()
    dev = busprobe.open(path)
    with pytest.raises(ValueError, match="is closed"):
        dev.u32[0:2] = [1, Closes()]
    assert path.read_bytes() == before


def test_a_read_only_window_refuses_every_write(path: Path) -> None:
    before = path.read_bytes()
    with busprobe.open(path, read_only=True) as dev:
        assert dev.readonly
        assert dev.u32[1] == 0x07060504
        for write in (
            lambda: dev.u32.__setitem__(0, 1),
            lambda: dev.u32.__setitem__(slice(0, 2), [1, 2]),
            lambda: dev.write32(0, 1),
            lambda: dev.write_block(0, b"abcd"),
            lambda: dev.fill(0, 0, 4),
        ):
            with pytest.raises(ValueError, match="read-only"):
                write()
    assert path.read_bytes() == before


def test_an_anonymous_window_starts_at_zero() -> None:
    with busprobe.open("anon:8K") as dev:
        assert len(dev) == 8192
        assert dev.u64[-1] == 0
        assert repr(dev) == "<busprobe.Window anon:0x2000: 0x2000 bytes>"


def test_part_of_a_file_is_a_window(path: Path) -> None:
    with busprobe.open(f"file:{path}@0x104+8") as dev:
        assert dev.u32[0:2].tolist() == [0x07060504, 0x0B0A0908]
        assert dev.base is None


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("mem:zz", ValueError, 'mem:zz: "zz" is no address; write mem:ADDRESS'),
        ("file:/nowhere/w.bin", FileNotFoundError, "/nowhere/w.bin: No such file"),
        ("uio:no such device", ValueError, "uio"),
        ("pci:ff:00.0/bar0", ValueError, "no such PCI function"),
        ("/", ValueError, "it is a directory"),
        ("/dev/null", ValueError, "write file:/dev/null\\+4K"),
    ],
)
def test_what_cannot_be_opened_says_why(target: str, error: type, message: str) -> None:
    with pytest.raises(busprobe.Error, match=message):
        busprobe.open(target)
