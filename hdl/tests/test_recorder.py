"""The core does what it says, in simulation."""

from typing import Callable

import pytest

Simulate = Callable[..., None]


@pytest.mark.parametrize("width", [32, 64])
def test_the_control_port_is_as_the_register_map_says(width: int, simulate: Simulate) -> None:
    simulate("check_registers", DATA_WIDTH=width, DEPTH=64)


@pytest.mark.parametrize("width", [32, 64])
def test_all_that_the_link_carries_is_recorded_or_counted(width: int, simulate: Simulate) -> None:
    simulate("check_recorder", DATA_WIDTH=width, DEPTH=64)


def test_too_many_outstanding_requests_are_counted(simulate: Simulate) -> None:
    simulate("check_outstanding", DATA_WIDTH=32, DEPTH=64, OUTSTANDING=2)


def test_the_bench_sees_broken_rules(simulate: Simulate) -> None:
    simulate("check_rules", DATA_WIDTH=32, DEPTH=64)
