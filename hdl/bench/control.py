"""The recorder's control port as a device: what a busprobe window is on a board."""

from array import array
from typing import Any

from cocotb.task import resume
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from link import hesitation


class SimulatedPort:
    """Exact 32-bit accesses by a simulated bus master.

    To be used by blocking code, inside ``cocotb.task.bridge``.
    """

    def __init__(self, dut: Any, pauses: float = 0.0, seed: int = 0) -> None:
        bus = AxiLiteBus.from_prefix(dut, "ctrl")
        self._master = AxiLiteMaster(bus, dut.aclk, dut.aresetn, reset_active_level=False)
        if pauses:
            write, read = self._master.write_if, self._master.read_if
            ends = (
                write.aw_channel,
                write.w_channel,
                write.b_channel,
                read.ar_channel,
                read.r_channel,
            )
            for number, end in enumerate(ends):
                end.set_pause_generator(hesitation(pauses, seed * 8 + number))

    @resume
    async def read32(self, offset: int) -> int:
        return await self._master.read_dword(offset)

    @resume
    async def write32(self, offset: int, value: int) -> None:
        await self._master.write_dword(offset, value)

    @resume
    async def write_bytes(self, offset: int, data: bytes) -> None:
        """Within one word: one write with the strobes of those bytes."""
        await self._master.write(offset, data)

    @resume
    async def read_block(self, offset: int, count: int, width: int, *, mode: str) -> "array[int]":
        assert (width, mode) == (32, "fixed"), "all that the driver needs"
        return array("I", [await self._master.read_dword(offset) for _ in range(count)])
