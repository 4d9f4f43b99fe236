"""A program's trace, replayed beat by beat: the recorder sees the beats that were predicted.

``BEATS`` names the trace, lowered to the link's width; ``RECORDED`` is where the recorder's own
trace goes.
"""

import os
from pathlib import Path
from typing import Any

import cocotb
from beats import Beat, beats
from cocotb.task import bridge
from cocotb.triggers import ClockCycles
from control import SimulatedPort
from driver import recorder
from link import Master, Watcher, assert_sound, start


@cocotb.test()
async def the_recorder_sees_the_predicted_beats_in_order(dut: Any) -> None:
    predicted = list(beats(Path(os.environ["BEATS"]), len(dut.link_wdata)))
    port, watcher = SimulatedPort(dut), Watcher(dut)
    master = Master(dut, pauses=0.4, seed=11)
    await start(dut, device_hesitation=120)
    drv = await bridge(recorder.Recorder)(port)
    assert len(predicted) <= drv.capacity, "the bench's memory is too small for this trace"
    await bridge(drv.arm)()
    await master.run(predicted, in_order=True)
    await ClockCycles(dut.aclk, 8)
    await bridge(drv.disarm)()
    await bridge(drv.save)(os.environ["RECORDED"])

    def as_beat(seen: Any) -> Beat:
        return Beat(seen.direction, seen.address, seen.data * (seen.direction == "W"), seen.strobes)

    assert [as_beat(seen) for seen in watcher.seen] == predicted
    assert watcher.data_came_first > 0, "the channels never overtook each other"
    assert_sound(dut)
