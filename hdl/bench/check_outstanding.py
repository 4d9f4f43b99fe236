"""More requests under way than the recorder has room for, in a core built for two."""

from typing import Any

import cocotb
from check_recorder import assert_accounts_for, recorded, settle, traffic
from cocotb.task import bridge
from control import SimulatedPort
from driver import recorder
from link import Master, Watcher, assert_sound, start


@cocotb.test()
async def each_later_response_still_meets_its_own_request(dut: Any) -> None:
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut, pauses=0.3, seed=10)
    await start(dut, device_hesitation=150)
    drv = await bridge(recorder.Recorder)(port)
    assert drv.outstanding == 2
    events = []
    await bridge(drv.arm)()
    for seed in range(20):
        await master.run(traffic(dut, drv.capacity, 400 + seed))
        await settle(dut)
        events += await bridge(drv.drain)()
    status = await bridge(drv.status)()
    assert status.outstanding and not status.overflow
    assert status.lost > 10
    assert len(recorded(events)) > 100
    assert_accounts_for(events, watcher.seen)
    assert_sound(dut)
