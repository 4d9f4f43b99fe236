"""The core is clean for other tools than the simulator."""

import json
import subprocess
from pathlib import Path

import pytest
from conftest import CORE, tool

SHAPES = [(32, 32), (64, 40), (32, 12), (64, 64)]
"""Bits of data and of addresses."""


@pytest.mark.parametrize(("data", "address"), SHAPES)
def test_verilator_has_no_warning(data: int, address: int) -> None:
    parameters = [f"-GDATA_WIDTH={data}", f"-GADDRESS_WIDTH={address}"]
    command = [tool("verilator", "verilator"), "--lint-only", "-Wall", *parameters]
    lint = subprocess.run(
        [*command, "--top-module", "axil_recorder_block", *map(str, CORE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (lint.returncode, lint.stdout) == (0, "")


@pytest.mark.parametrize(("data", "address"), SHAPES[:2])
def test_yosys_synthesizes_without_latches_and_drives_no_wire_of_the_link(
    data: int, address: int, tmp_path: Path
) -> None:
    netlist = tmp_path / "netlist.json"
    sources = " ".join(str(path) for path in CORE if path.suffix == ".sv")
    shape = f"-chparam DATA_WIDTH {data} -chparam ADDRESS_WIDTH {address}"
    script = f"""
        read_verilog -sv {sources}
        hierarchy -check -top axil_recorder {shape}
        proc
        select -assert-none t:$dlatch t:$adlatch
        flatten
        synth -run coarse:fine
        check -assert
        write_json {netlist}
    """
    yosys = [tool("yosys", "yosys"), "-q", "-p", "; ".join(script.split("\n"))]
    subprocess.run(yosys, check=True)
    ports = next(
        module["ports"]
        for module in json.loads(netlist.read_text())["modules"].values()
        if "tap_awaddr" in module["ports"]
    )
    outputs = {name for name, port in ports.items() if port["direction"] != "input"}
    assert outputs
    assert all(name.startswith("ctrl_") for name in outputs)
