"""The control port is what the register map says."""

from typing import Any

import cocotb
from cocotb.task import bridge
from control import SimulatedPort
from link import assert_sound, start
from registers import registers

MAP = {register.name: register for register in registers() if not register.is_alternate}
OFFSETS = {register.offset for register in MAP.values()}


@cocotb.test()
async def every_register_has_its_reset_value(dut: Any) -> None:
    port = SimulatedPort(dut, pauses=0.3, seed=1)
    await start(dut)
    for register in MAP.values():
        found = await bridge(port.read32)(register.offset)
        assert found & register.reset_mask == register.reset & register.reset_mask, (
            f"{register.name} is {found:#010x}"
        )
    assert_sound(dut)


@cocotb.test()
async def registers_keep_what_is_written_and_no_other_register_changes(dut: Any) -> None:
    port = SimulatedPort(dut, pauses=0.3, seed=2)
    await start(dut)

    async def contents() -> "dict[str, int]":
        return {name: await bridge(port.read32)(MAP[name].offset) for name in MAP}

    for register in MAP.values():
        for value in (0xFFFFFFFF, 0xA5A50000, 0x5A5AFFF0, 0):
            before = await contents()
            await bridge(port.write32)(register.offset, value)
            after = await contents()
            if register.name == "CONTROL":
                expected = value & 0b1101  # CLEAR reads as 0
            elif register.access == "read-write":
                expected = value
            else:
                expected = before[register.name]
            assert after == {**before, register.name: expected}, register.name
    assert_sound(dut)


@cocotb.test()
async def a_narrow_write_changes_its_bytes_alone(dut: Any) -> None:
    port = SimulatedPort(dut)
    await start(dut)
    offset = MAP["FIRST_LOW"].offset
    await bridge(port.write32)(offset, 0x11223344)
    await bridge(port.write_bytes)(offset + 2, b"\xbb")
    assert await bridge(port.read32)(offset) == 0x11BB3344
    await bridge(port.write_bytes)(offset, b"\xdd\xcc")
    assert await bridge(port.read32)(offset) == 0x11BBCCDD
    await bridge(port.write_bytes)(MAP["CONTROL"].offset + 1, b"\xff")
    assert await bridge(port.read32)(MAP["CONTROL"].offset) == 0
    assert_sound(dut)


@cocotb.test()
async def places_without_a_register_read_as_zero_and_take_no_write(dut: Any) -> None:
    port = SimulatedPort(dut)
    await start(dut)
    for offset in [*set(range(0, 0x80, 4)) - OFFSETS, 0x440, 0xFFC]:
        await bridge(port.write32)(offset, 0xFFFFFFFF)
        assert await bridge(port.read32)(offset) == 0
    for register in MAP.values():
        found = await bridge(port.read32)(register.offset)
        assert found & register.reset_mask == register.reset & register.reset_mask, register.name
    assert_sound(dut)
