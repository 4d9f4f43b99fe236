"""What the tests of the recorder run on: a simulator, and busprobe's own programs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

HDL = Path(__file__).parents[1]
REPOSITORY = HDL.parent
BENCH = HDL / "bench"
CORE = [*sorted(HDL.glob("axil_recorder*.sv")), HDL / "axil_recorder_block.v"]

# cocotb hands the simulated Python the path of this one.
sys.path.insert(0, str(BENCH))


def tool(name: str, package: str) -> str:
    """The path of a program, or a failure that says how to get it."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install {package}", pytrace=False)
    return found


@pytest.fixture(scope="session")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> "Callable[..., None]":
    """Runs the checks of a bench module on a core of given parameters."""
    tool("iverilog", "iverilog")
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    # cocotb switches waveforms off by a last argument of its own; this one comes after it.
    os.environ["SIM_CMD_SUFFIX"] = "-vcd"
    quiet = {"COCOTB_LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore::DeprecationWarning"}

    def run(
        module: str,
        environment: "Optional[dict[str, str]]" = None,
        vcd: str = "",
        **parameters: Any,
    ) -> None:
        name = "_".join(f"{key}{value}" for key, value in sorted(parameters.items()))
        build = tmp_path_factory.getbasetemp() / name
        runner = get_runner("icarus")
        runner.build(
            sources=[*CORE, *sorted(BENCH.glob("*.sv"))],
            hdl_toplevel="axil_bench",
            parameters=parameters,
            build_args=["-g2012", "-Wall", "-Wno-timescale"],
            build_dir=build,
        )
        results = runner.test(
            test_module=module,
            hdl_toplevel="axil_bench",
            build_dir=build,
            test_dir=tmp_path_factory.mktemp(module),
            plusargs=[f"+vcd={vcd}"] if vcd else [],
            extra_env={**quiet, **(environment or {})},
            seed=1,
        )
        ran, failed = get_results(results)
        assert ran > 0
        assert failed == 0

    return run


@pytest.fixture(scope="session")
def example() -> "Callable[[str, str], Path]":
    """The path of an example of one of busprobe's crates, built."""

    def build(crate: str, name: str) -> Path:
        cargo = tool("cargo", "rustup && rustup toolchain install stable")
        which = ["-p", crate, "--example", name]
        built = subprocess.run(
            [cargo, "build", "--quiet", "--message-format=json", *which],
            cwd=REPOSITORY,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in built.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["target"]["name"] == name:
                return Path(message["executable"])
        raise AssertionError(f"cargo built no {name}")

    return build
