"""The recorder records what the link carries: all of it, or it says how much it lost and where."""

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from beats import Beat
from cocotb.task import bridge
from cocotb.triggers import ClockCycles
from cocotbext.axi.axil_channels import AxiLiteAWTransaction, AxiLiteWTransaction
from control import SimulatedPort
from driver import recorder
from link import Master, Transaction, Watcher, assert_sound, start

Lost = recorder.Lost
Recorder = recorder.Recorder


def traffic(dut: Any, count: int, seed: int, reach: int = 0x1100) -> Iterator[Beat]:
    """Reads and writes with any strobes, some of them beyond the device's registers."""
    noise = random.Random(seed)
    lanes = len(dut.link_wstrb)
    for _ in range(count):
        word = noise.randrange(0, reach, lanes)
        if noise.random() < 0.5:
            yield Beat("R", word + noise.choice((0, 0, 1)), 0, 0)
        else:
            yield Beat("W", word, noise.getrandbits(8 * lanes), noise.getrandbits(lanes))


def assert_accounts_for(events: list[Any], seen: list[Transaction]) -> None:
    """Each event is the next transaction of the link, or says how many were lost there."""
    at = 0
    for event in events:
        if isinstance(event, Lost):
            assert event.transactions > 0
            at += event.transactions
        else:
            assert event == seen[at], f"transaction {at}: {event}, and the link had {seen[at]}"
            at += 1
    assert at == len(seen), f"{at} accounted for, and the link had {len(seen)}"


def recorded(events: list[Any]) -> list[Any]:
    return [event for event in events if not isinstance(event, Lost)]


async def settle(dut: Any) -> None:
    """Let the last transaction pass the recorder's pipeline."""
    await ClockCycles(dut.aclk, 8)


@cocotb.test()
async def nothing_is_lost_while_there_is_room(dut: Any) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut, pauses=0.4, seed=3)
    await start(dut, device_hesitation=100)
    drv = await bridge(Recorder)(port)
    assert (drv.data_width, drv.address_width, drv.clock_hz) == (
        len(dut.link_wdata),
        32,
        100_000_000,
    )
    together = data_first = 0
    for seed in range(5):
        watcher.seen.clear()
        await bridge(drv.clear)()
        await bridge(drv.arm)()
        await master.run(traffic(dut, drv.capacity, seed))
        await settle(dut)
        status = await bridge(drv.status)()
        assert status == (True, drv.capacity, 0, False, False, False)
        assert await bridge(drv.drain)() == watcher.seen
        together, data_first = watcher.ended_together, watcher.data_came_first
    assert together > 10, "the runs never ended a read and a write in one cycle"
    assert data_first > 10, "the runs never had data before its address"
    assert_sound(dut)


@cocotb.test()
async def a_full_memory_keeps_the_first_and_counts_the_rest(dut: Any) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut, pauses=0.1, seed=4)
    await start(dut, device_hesitation=40)
    drv = await bridge(Recorder)(port)
    for seed, extra in enumerate((1, 2, 3, 100)):
        watcher.seen.clear()
        await bridge(drv.clear)()
        await bridge(drv.arm)()
        await master.run(traffic(dut, drv.capacity + extra, 100 + seed))
        await settle(dut)
        status = await bridge(drv.status)()
        assert status == (True, drv.capacity, extra, True, False, False)
        assert await bridge(drv.drain)() == [*watcher.seen[: drv.capacity], Lost(extra)]

        # The record after a gap says how long it was, and the driver does not count it twice.
        watcher.seen.clear()
        await master.run(traffic(dut, 5, 200 + seed))
        await settle(dut)
        assert await bridge(drv.drain)() == watcher.seen
        assert (await bridge(drv.status)()).lost == extra
    assert_sound(dut)


@cocotb.test()
async def a_drain_beside_the_traffic_accounts_for_every_transaction(dut: Any) -> None:
    port, watcher = SimulatedPort(dut, pauses=0.2, seed=5), Watcher(dut)
    master = Master(dut, pauses=0.5, seed=5)
    await start(dut, device_hesitation=120)
    drv = await bridge(Recorder)(port)
    await bridge(drv.arm)()
    running = cocotb.start_soon(master.run(traffic(dut, 12 * drv.capacity, 5)))
    events: list[Any] = []
    while not running.done():
        events += await bridge(drv.drain)()
    await settle(dut)
    events += await bridge(drv.drain)()
    assert_accounts_for(events, watcher.seen)
    gaps = [event for event in events if isinstance(event, Lost)]
    assert len(gaps) > 3, "the traffic never outran the drain: the test shows nothing"
    assert (await bridge(drv.status)()).lost == sum(gap.transactions for gap in gaps)
    assert_sound(dut)


@cocotb.test()
async def the_filter_passes_what_touches_its_range(dut: Any) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut, pauses=0.2, seed=6)
    await start(dut, device_hesitation=60)
    drv = await bridge(Recorder)(port)
    lanes = len(dut.link_wstrb)
    for seed, (first, last) in enumerate(
        [(0x20, 0x3F), (0x23, 0x24), (0, 0x2F), (0x46, 0xFFFFFFFF)]
    ):
        for directions in ("RW", "R", "W"):
            watcher.seen.clear()
            await bridge(drv.clear)()
            await bridge(drv.arm)(first, last, reads="R" in directions, writes="W" in directions)
            await master.run(traffic(dut, drv.capacity, 300 + seed, reach=0x60))
            await settle(dut)
            wanted = [
                seen
                for seen in watcher.seen
                if seen.direction in directions
                and (seen.address | lanes - 1) >= first
                and (seen.address & -lanes) <= last
            ]
            assert wanted, "no traffic in the range"
            assert await bridge(drv.drain)() == wanted
    assert_sound(dut)


@cocotb.test()
async def arming_and_clearing_amid_the_traffic_pairs_each_response_with_its_request(
    dut: Any,
) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut, pauses=0.3, seed=7)
    await start(dut, device_hesitation=150)
    drv = await bridge(Recorder)(port)
    running = cocotb.start_soon(master.run(traffic(dut, 30 * drv.capacity, 7)))
    rounds = 0
    while not running.done():
        await bridge(drv.clear)()
        await bridge(drv.arm)()
        await ClockCycles(dut.aclk, 15)
        await bridge(drv.disarm)()
        events = await bridge(drv.drain)()
        if not events:
            continue
        begin = watcher.seen.index(events[0])
        assert events == watcher.seen[begin : begin + len(events)]
        rounds += 1
    assert rounds > 5
    assert_sound(dut)


@cocotb.test()
async def a_record_that_another_program_began_to_read_is_a_loss(dut: Any) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut)
    await start(dut)
    drv = await bridge(Recorder)(port)
    await bridge(drv.arm)()
    await master.run(traffic(dut, 4, 8))
    await settle(dut)
    await bridge(port.read_block)(recorder.Register.RECORD, 3, 32, mode="fixed")
    assert await bridge(drv.drain)() == [Lost(1), *watcher.seen[1:]]
    assert_sound(dut)


@cocotb.test()
async def an_empty_memory_gives_zeros_and_loses_no_later_record(dut: Any) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut)
    await start(dut)
    drv = await bridge(Recorder)(port)
    await bridge(drv.arm)()
    assert set(await bridge(port.read_block)(recorder.Register.RECORD, 11, 32, mode="fixed")) == {0}
    assert await bridge(drv.drain)() == []
    await master.run(traffic(dut, 3, 9))
    await settle(dut)
    assert await bridge(drv.drain)() == watcher.seen
    assert_sound(dut)


@cocotb.test()
async def what_is_elsewhere_than_a_recorder_is_refused(dut: Any) -> None:
    port = SimulatedPort(dut)
    await start(dut)
    try:
        await bridge(Recorder)(port, 4)
    except ValueError as error:
        assert "no recorder core at offset 0x4" in str(error)
    else:
        raise AssertionError("LINK passed for ID")


@cocotb.test()
async def a_response_without_a_request_is_flagged_and_takes_no_other_request_away(
    dut: Any,
) -> None:
    port = SimulatedPort(dut)
    master = Master(dut)
    await start(dut)
    drv = await bridge(Recorder)(port)
    await bridge(drv.arm)()
    dut.device.bvalid.value = 1
    await ClockCycles(dut.aclk, 1)
    dut.device.rvalid.value = 1
    await settle(dut)
    assert (await bridge(drv.status)()) == (True, 0, 0, False, False, True)
    watcher = Watcher(dut)
    await master.run([Beat("W", 0, 1, 1), Beat("R", 0, 0, 0)])
    await settle(dut)
    drained = await bridge(drv.drain)()
    assert [(t.direction, t.data) for t in drained] == [(t.direction, t.data) for t in watcher.seen]
    await bridge(drv.clear)()
    assert not (await bridge(drv.status)()).unpaired


@cocotb.test()
async def a_response_before_its_data_is_flagged_and_the_write_waits_for_both(dut: Any) -> None:
    port = SimulatedPort(dut)
    master = Master(dut)
    await start(dut)
    drv = await bridge(Recorder)(port)
    await bridge(drv.arm)()
    await master.aw.send(AxiLiteAWTransaction(awaddr=8))
    await settle(dut)
    dut.device.bvalid.value = 1
    await settle(dut)
    assert (await bridge(drv.status)()) == (True, 0, 0, False, False, True)
    await master.w.send(AxiLiteWTransaction(wdata=5, wstrb=1))
    await settle(dut)
    [write] = await bridge(drv.drain)()
    assert (write.direction, write.address, write.data, write.strobes) == ("W", 8, 5, 1)
