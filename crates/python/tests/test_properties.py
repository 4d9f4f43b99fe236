"""What ends up in memory, for any slice and any source; and on errors, that nothing does."""

import array
from pathlib import Path
from typing import Any, Dict, List

import busprobe
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Literal

LENGTH = 64
FORMATS: Dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
widths = st.sampled_from(sorted(FORMATS))
bounds = st.one_of(st.none(), st.integers(-80, 80))
steps = st.one_of(st.none(), st.integers(-5, 5).filter(bool))
slices = st.builds(slice, bounds, bounds, steps)


def view_of(buffer: bytearray, width: int) -> busprobe.View:
    return busprobe.view(buffer, FORMATS[width])


def sources(values: List[int], width: int) -> List[Any]:
    packed = array.array(FORMATS[width], values)
    return [values, tuple(values), packed, packed.tobytes(), np.array(values, f"u{width}")]


@given(width=widths, where=slices, data=st.data())
def test_a_slice_assignment_does_what_it_does_to_a_list(
    width: int, where: slice, data: Any
) -> None:
    buffer = bytearray(range(LENGTH))
    model = memoryview(bytes(buffer)).cast(FORMATS[width]).tolist()
    count = len(model[where])
    elements = st.integers(0, 256**width - 1)
    values: List[int] = data.draw(st.lists(elements, min_size=count, max_size=count))
    model[where] = values
    for source in sources(values, width):
        with view_of(buffer, width) as view:
            view[where] = source
            assert view[where].tolist() == values
        assert memoryview(bytes(buffer)).cast(FORMATS[width]).tolist() == model


@given(width=widths, where=slices, data=st.data())
def test_a_slice_assignment_that_fails_changes_nothing(width: int, where: slice, data: Any) -> None:
    buffer = bytearray(range(LENGTH))
    with view_of(buffer, width) as view:
        count = len(range(*where.indices(len(view))))
        elements = st.integers(0, 256**width - 1)
        values: List[Any] = data.draw(st.lists(elements, min_size=count, max_size=count))
        bad: Any = data.draw(st.sampled_from([-1, 256**width, 1.5, None, "7", 2**70]))
        place = data.draw(st.integers(0, count))
        values[place : place + 1] = [bad]
        try:
            view[where] = values
            raise AssertionError("it was accepted")
        except (ValueError, TypeError):
            pass
    assert buffer == bytearray(range(LENGTH))


@given(
    width=widths,
    offset=st.integers(-8, LENGTH + 8),
    count=st.integers(0, LENGTH + 1),
    mode=st.sampled_from(["incr", "fixed"]),
)
def test_a_block_is_written_whole_or_not_at_all(
    tmp_path_factory: Any, width: int, offset: int, count: int, mode: Any
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "block.bin"
    path.write_bytes(bytes(range(LENGTH)))
    data = bytes((7 * n + 1) % 256 for n in range(count * width))
    expected = bytearray(range(LENGTH))
    end = offset + width if mode == "fixed" and count else offset + width * count
    possible = 0 <= offset <= LENGTH and end <= LENGTH and offset % width == 0
    if possible and mode == "incr":
        expected[offset:end] = data
    elif possible and count:
        expected[offset:end] = data[-width:]
    bits: Any = 8 * width
    with busprobe.open(path) as dev:
        try:
            dev.write_block(offset, data, bits, mode)
            assert possible
        except (ValueError, IndexError):
            assert not possible
    assert path.read_bytes() == expected
