"""The bench's own checker of AXI4-Lite rules can fail: each rule is broken once and seen."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles
from link import hold_in_reset

VALID_UNTIL_READY, VALID_LOW_IN_RESET, B_AFTER_AW_AND_W, R_AFTER_AR, KNOWN = range(5)


async def quiet_link(dut: Any) -> None:
    """A link on which nothing happens, with a device that takes nothing."""
    await hold_in_reset(dut)
    dut.hesitation.value = 255
    dut.link_awaddr.value = 0
    dut.link_wdata.value = 0
    dut.link_wstrb.value = 0
    dut.link_araddr.value = 0
    dut.aresetn.value = 1
    await ClockCycles(dut.aclk, 2)


async def broken(dut: Any) -> int:
    await ClockCycles(dut.aclk, 4)
    return int(dut.link_broken.value)


@cocotb.test()
async def a_valid_that_falls_before_ready_is_seen(dut: Any) -> None:
    await quiet_link(dut)
    assert await broken(dut) == 0
    dut.link_wvalid.value = 1
    await ClockCycles(dut.aclk, 1)
    assert dut.link_wready.value == 0
    dut.link_wvalid.value = 0
    assert await broken(dut) == 1 << VALID_UNTIL_READY


@cocotb.test()
async def an_address_that_changes_before_ready_is_seen(dut: Any) -> None:
    await quiet_link(dut)
    dut.link_araddr.value = 4
    dut.link_arvalid.value = 1
    await ClockCycles(dut.aclk, 1)
    dut.link_araddr.value = 8
    assert await broken(dut) == 1 << VALID_UNTIL_READY


@cocotb.test()
async def a_valid_right_after_reset_is_seen(dut: Any) -> None:
    await hold_in_reset(dut)
    dut.link_awvalid.value = 1
    await ClockCycles(dut.aclk, 1)
    dut.aresetn.value = 1
    assert await broken(dut) == 1 << VALID_LOW_IN_RESET


@cocotb.test()
async def a_response_without_a_request_is_seen(dut: Any) -> None:
    await quiet_link(dut)
    dut.device.bvalid.value = 1
    dut.device.rvalid.value = 1
    assert await broken(dut) & (1 << B_AFTER_AW_AND_W | 1 << R_AFTER_AR) == (
        1 << B_AFTER_AW_AND_W | 1 << R_AFTER_AR
    )


@cocotb.test()
async def a_handshake_that_is_neither_0_nor_1_is_seen(dut: Any) -> None:
    await quiet_link(dut)
    dut.link_bready.value = "X"
    assert await broken(dut) >> KNOWN & 1


@cocotb.test()
async def a_device_that_does_otherwise_with_the_recorder_is_seen(dut: Any) -> None:
    await quiet_link(dut)
    assert dut.link_altered.value == 0
    dut.device.rdata.value = 1
    await ClockCycles(dut.aclk, 2)
    assert dut.link_altered.value == 1
