"""The link under watch: a master that puts beats on it, and an eye of the bench's own."""

import random
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import cocotb
from beats import Beat
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus
from cocotbext.axi.axil_channels import (
    AxiLiteARSource,
    AxiLiteARTransaction,
    AxiLiteAWSource,
    AxiLiteAWTransaction,
    AxiLiteBSink,
    AxiLiteRSink,
    AxiLiteWSource,
    AxiLiteWTransaction,
)
from driver import recorder

Transaction = recorder.Transaction


def hesitation(share: float, seed: int) -> Iterator[bool]:
    """Whether a channel pauses, cycle by cycle: in spells, so that channels overtake each other."""
    noise = random.Random(seed)
    while True:
        pause = noise.random() < share
        for _ in range(noise.randint(1, 6)):
            yield pause


class Master:
    """Puts beats on the link, each channel at its own pace."""

    def __init__(self, dut: Any, pauses: float = 0.0, seed: int = 0) -> None:
        bus = AxiLiteBus.from_prefix(dut, "link")
        clock = (dut.aclk, dut.aresetn, False)
        self.aw = AxiLiteAWSource(bus.write.aw, *clock)
        self.w = AxiLiteWSource(bus.write.w, *clock)
        self._b = AxiLiteBSink(bus.write.b, *clock)
        self._ar = AxiLiteARSource(bus.read.ar, *clock)
        self._r = AxiLiteRSink(bus.read.r, *clock)
        if pauses:
            for number, end in enumerate((self.aw, self.w, self._b, self._ar, self._r)):
                end.set_pause_generator(hesitation(pauses, seed * 8 + number))

    async def run(self, beats: Iterable[Beat], *, in_order: bool = False) -> None:
        """Make all beats and wait for their responses.

        :param in_order: let no read overtake a write or the other way, as a CPU does on device
            memory; else reads and writes run side by side.
        """
        unanswered: deque[str] = deque()
        for beat in beats:
            if in_order and unanswered and unanswered[-1] != beat.direction:
                await self._answers(unanswered)
            if beat.direction == "W":
                await self.aw.send(AxiLiteAWTransaction(awaddr=beat.address))
                await self.w.send(AxiLiteWTransaction(wdata=beat.data, wstrb=beat.strobes))
            else:
                await self._ar.send(AxiLiteARTransaction(araddr=beat.address))
            unanswered.append(beat.direction)
        await self._answers(unanswered)

    async def _answers(self, unanswered: "deque[str]") -> None:
        while unanswered:
            await (self._b if unanswered.popleft() == "W" else self._r).recv()


class Watcher:
    """Sees what the link carries, without the recorder.

    A transfer is VALID and READY at a rising clock edge; the i-th AW, W and B are one write.
    """

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self.seen: list[Any] = []
        self.ended_together = 0
        """How often a write and a read ended in the same cycle."""
        self.data_came_first = 0
        """How often a write's data was taken before its address."""
        self.cycle = 0
        cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        dut = self._dut
        edge = RisingEdge(dut.aclk)
        aw: deque[Any] = deque()
        w: deque[Any] = deque()
        ar: deque[Any] = deque()
        while True:
            await edge
            if dut.aresetn.value == 0:
                self.cycle = 0
                continue
            self.cycle += 1
            transfers = int(dut.link_transfers.value)
            if not transfers:
                continue
            if transfers & 0b00100:
                address, cycle = aw.popleft()
                data, strobes = w.popleft()
                response = int(dut.link_bresp.value)
                write = Transaction("W", address, data, strobes, response, cycle, self.cycle)
                self.seen.append(write)
            if transfers & 0b00001:
                address, cycle = ar.popleft()
                data, response = int(dut.link_rdata.value), int(dut.link_rresp.value)
                self.seen.append(Transaction("R", address, data, 0, response, cycle, self.cycle))
            self.ended_together += transfers & 0b00101 == 0b00101
            if transfers & 0b10000:
                aw.append((int(dut.link_awaddr.value), self.cycle))
            if transfers & 0b01000:
                w.append((int(dut.link_wdata.value), int(dut.link_wstrb.value)))
                self.data_came_first += len(w) > len(aw)
            if transfers & 0b00010:
                ar.append((int(dut.link_araddr.value), self.cycle))


async def hold_in_reset(dut: Any) -> None:
    """Clock at 100 MHz, in reset, with nothing on the ports."""
    cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
    for port in ("link", "ctrl"):
        for signal in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(dut, f"{port}_{signal}").value = 0
    dut.hesitation.value = 0
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 4)


async def start(dut: Any, device_hesitation: int = 0) -> None:
    """Clock at 100 MHz, and reset."""
    await hold_in_reset(dut)
    dut.hesitation.value = device_hesitation
    dut.aresetn.value = 1
    await ClockCycles(dut.aclk, 2)


def assert_sound(dut: Any) -> None:
    """What has to hold at the end of every run."""
    assert dut.link_altered.value == 0, "the link did not do the same as without the recorder"
    assert dut.lost_with_room.value == 0, "a transaction was lost while the memory had room"
    assert dut.link_broken.value == 0, (
        f"AXI4-Lite rules broken on the link: {dut.link_broken.value}"
    )
    assert dut.ctrl_broken.value == 0, f"broken on the control port: {dut.ctrl_broken.value}"
