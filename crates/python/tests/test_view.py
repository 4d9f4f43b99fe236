import array
import ctypes
import mmap
import sys
from pathlib import Path
from typing import Any, List

import busprobe
import numpy as np
import pytest


def words(path: Path, start: int, count: int) -> List[int]:
    return memoryview(path.read_bytes()).cast("I").tolist()[start : start + count]


def test_a_scalar_is_written_and_read_at_every_width(dev: busprobe.Window, path: Path) -> None:
    dev.u8[1] = 0xA1
    dev.u16[1] = 0xB2B1
    dev.u32[1] = 0xC4C3C2C1
    dev.u64[1] = 0xD8D7D6D5D4D3D2D1
    expected = bytes.fromhex("00a1b1b2c1c2c3c4d1d2d3d4d5d6d7d8")
    assert path.read_bytes()[:16] == expected
    assert dev.u8[1] == 0xA1
    assert dev.u16[1] == 0xB2B1
    assert dev.u32[1] == 0xC4C3C2C1
    assert dev.u64[1] == 0xD8D7D6D5D4D3D2D1


@pytest.mark.parametrize(
    "value", [0, 1, 2**30 - 1, 2**30, 2**32 - 1, 2**59, 2**60, 2**63, 2**64 - 1]
)
def test_a_64_bit_value_of_any_size_comes_back(dev: busprobe.Window, value: int) -> None:
    dev.u64[3] = value
    assert dev.u64[3] == value


def test_negative_indices_count_from_the_end(dev: busprobe.Window, path: Path) -> None:
    dev.u32[-1] = 7
    assert words(path, 1023, 1) == [7]
    assert dev.u32[-1] == dev.u32[1023] == 7


def test_a_slice_reads_as_an_array(dev: busprobe.Window) -> None:
    read = dev.u32[0:4]
    assert isinstance(read, array.array)
    assert read.typecode == "I"
    assert read.tolist() == [0x03020100, 0x07060504, 0x0B0A0908, 0x0F0E0D0C]
    assert dev.u16[4:6].tolist() == [0x0908, 0x0B0A]
    assert dev.u32[5:5].tolist() == []


@pytest.mark.parametrize(
    "data",
    [
        [1, 2, 3, 4],
        (1, 2, 3, 4),
        range(1, 5),
        (number for number in [1, 2, 3, 4]),
        b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0",
        bytearray(b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
        memoryview(b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
        array.array("I", [1, 2, 3, 4]),
        (ctypes.c_uint32 * 4)(1, 2, 3, 4),
        np.array([1, 2, 3, 4], "u4"),
        np.array([1, 2, 3, 4], ">u4"),
        np.array([1, 0, 2, 0, 3, 0, 4, 0], "u4")[::2],
        list(np.array([1, 2, 3, 4], "i8")),
        [True, 2, 3, 4],
    ],
    ids=lambda data: type(data).__name__,
)
def test_a_block_is_taken_from_any_source(dev: busprobe.Window, path: Path, data: Any) -> None:
    dev.u32[8:12] = data
    assert words(path, 8, 4) == [1, 2, 3, 4]


def test_an_extended_slice_is_accessed_in_its_own_order(dev: busprobe.Window, path: Path) -> None:
    dev.u32[0:8:2] = [1, 2, 3, 4]
    assert words(path, 0, 8)[::2] == [1, 2, 3, 4]
    assert words(path, 0, 8)[1] == 0x07060504
    dev.u32[3::-1] = [5, 6, 7, 8]
    assert words(path, 0, 4) == [8, 7, 6, 5]
    assert dev.u32[3::-2].tolist() == [5, 7]


def test_a_view_is_described_without_an_access(dev: busprobe.Window) -> None:
    view = dev.u32
    assert (len(view), view.itemsize, view.nbytes, view.format) == (1024, 4, 4096, "I")
    assert not view.readonly
    assert repr(view) == f'<busprobe.View of {dev.name}: 1024 x "I">'
    assert view == view
    assert view != dev.u8


def test_a_view_can_be_iterated(dev: busprobe.Window) -> None:
    assert list(dev.u64)[:2] == [0x0706050403020100, 0x0F0E0D0C0B0A0908]
    assert dev.u64.tolist()[1] == 0x0F0E0D0C0B0A0908


def test_numpy_takes_what_is_read(dev: busprobe.Window) -> None:
    read = np.asarray(dev.u32[0:2])
    assert read.dtype == np.uint32
    assert read.tolist() == [0x03020100, 0x07060504]


BAD_ITEMS: List[Any] = [
    (2**32, busprobe.AccessError, "4294967296 does not fit"),
    (-1, busprobe.AccessError, "-1 does not fit"),
    (2**100, busprobe.AccessError, "does not fit"),
    (1.0, TypeError, ""),
    ("1", TypeError, ""),
    (None, TypeError, ""),
]


@pytest.mark.parametrize(("value", "error", "message"), BAD_ITEMS)
def test_a_bad_value_is_refused_and_nothing_is_written(
    dev: busprobe.Window, path: Path, value: Any, error: type, message: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(error, match=message or None):
        dev.u32[0] = value
    with pytest.raises(error, match=message or None):
        dev.u32[0:4] = [1, 2, 3, value]
    with pytest.raises(error, match=message or None):
        dev.write32(0, value)
    with pytest.raises(error, match=message or None):
        dev.write_block(0, [1, 2, 3, value])
    with pytest.raises(error, match=message or None):
        dev.fill(0, value, 4)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([1, 2, 3], ValueError, "3 elements given for 4"),
        (b"\0" * 15, ValueError, "15 bytes are no whole number of 32-bit elements"),
        (b"\0" * 12, ValueError, "3 elements given for 4"),
        (array.array("H", [1] * 8), ValueError, "format 'H'|format \"H\""),
        (array.array("i", [1] * 4), ValueError, "unsigned integers of 32 bits"),
        (np.ones(4, "f4"), ValueError, "astype"),
        (5, TypeError, "use fill"),
        ("abcd", TypeError, "no sequence of elements"),
        (None, TypeError, "not iterable"),
    ],
)
def test_a_bad_source_is_refused_and_nothing_is_written(
    dev: busprobe.Window, path: Path, data: Any, error: type, message: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(error, match=message or None):
        dev.u32[0:4] = data
    assert path.read_bytes() == before


@pytest.mark.parametrize("index", [1024, -1025, 2**40, 2**80, -(2**80)])
def test_an_index_outside_is_an_index_error(dev: busprobe.Window, index: int) -> None:
    with pytest.raises(IndexError, match="the view has 1024 elements of 32 bits"):
        dev.u32[index]
    with pytest.raises(busprobe.OutOfRange):
        dev.u32[index] = 1


def test_an_element_cannot_be_deleted(dev: busprobe.Window) -> None:
    view: Any = dev.u32
    with pytest.raises(TypeError):
        del view[0]
    with pytest.raises(TypeError):
        view["0"]


def test_an_index_may_be_anything_with_index(dev: busprobe.Window) -> None:
    class Two:
        def __index__(self) -> int:
            return 2

    dev.u32[Two()] = Two()
    assert dev.u32[np.int16(2)] == 2


def test_an_mmap_has_an_exact_view(path: Path) -> None:
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        with busprobe.view(mapped, "I") as view:
            view[0:4] = [1, 2, 3, 4]
            assert view[3] == 4
            assert not view.readonly
            # As with a memoryview: the mmap stays open as long as the view needs it.
            with pytest.raises(BufferError):
                mapped.close()
        with pytest.raises(ValueError, match="closed"):
            view[0]
        with pytest.raises(ValueError, match="closed"):
            view[0] = 1
    assert words(path, 0, 4) == [1, 2, 3, 4]


def test_a_cast_memoryview_keeps_its_format(path: Path) -> None:
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        with memoryview(mapped) as plain, plain.cast("@H") as cast:
            with busprobe.view(cast) as view:
                assert (view.format, len(view)) == ("H", 2048)
                view[1] = 0xABCD
            with cast[2:4] as part, busprobe.view(part, "I") as view:
                assert len(view) == 1
    assert path.read_bytes()[2:4] == b"\xcd\xab"


def test_a_read_only_buffer_has_a_read_only_view(path: Path) -> None:
    with open(path, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            with busprobe.view(mapped, "B") as view:
                assert view.readonly
                assert view[5] == 5
                with pytest.raises(ValueError, match="read-only"):
                    view[5] = 0
                with pytest.raises(ValueError, match="read-only"):
                    view[5:7] = b"ab"


@pytest.mark.parametrize("format", ["f", "i", "II", ">i", "", "x", ">", "é"])
def test_a_format_that_is_no_unsigned_integer_is_refused(format: str) -> None:
    with pytest.raises(ValueError, match="a view has unsigned integers"):
        busprobe.view(bytearray(8), format)


def test_a_buffer_of_odd_length_or_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole number"):
        busprobe.view(bytearray(7), "I")
    with pytest.raises(ValueError, match="aligned"):
        busprobe.view(memoryview(bytearray(16))[1:9], "I")


def test_a_view_of_a_window_cannot_be_released_alone(dev: busprobe.Window) -> None:
    with pytest.raises(ValueError, match="close the window"):
        dev.u32.release()


def test_a_view_keeps_the_memory_that_it_reads(path: Path) -> None:
    view = busprobe.open(path).u32
    assert view[1] == 0x07060504


def test_a_released_view_holds_no_reference() -> None:
    buffer = bytearray(8)
    before = sys.getrefcount(buffer)
    view = busprobe.view(buffer, "I")
    assert sys.getrefcount(buffer) > before
    view.release()
    view.release()
    assert sys.getrefcount(buffer) == before
