"""The same questions have the same answers, whatever asks them.

Spark, which is large, has an environment of its own: `make test-spark`.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent


def mark(number: int) -> str:
    """A line that becomes a mark, named by the number."""
    return f"0x400000,main,0x1000,0x0,32,store,{number:#010x}"


def write(symbol: str, offset: int) -> str:
    """A write of a word as QEMU's `mem` plugin logs it."""
    return f"0x400010,{symbol},{0x2000 + offset:#x},0x0,32,store,0x00000007"


COPY = [write("memcpy", offset) for offset in range(0, 16, 4)]
RUNS: Dict[str, List[str]] = {
    "monday": [mark(1), write("main", 0), mark(2), *COPY],
    "tuesday": [mark(1), write("main", 0), mark(2), *COPY, *COPY[2:]],
    "wednesday": [mark(1), write("main", 0), "0x400010,memcpy,0x20", mark(2), *COPY],
}

ANSWERS = """\
\trun\toffset\twrites
\tmonday.parquet\t0\t2
\ttuesday.parquet\t0\t2
\ttuesday.parquet\t8\t2
\ttuesday.parquet\t12\t2
\twednesday.parquet\t0\t2
\tfunction\taccesses\truns
\tmemcpy\t14\t3
\tmain\t3\t3
\toperation\trun\twrites\twords\tverdict
\t0x2\tmonday.parquet\t4\t4\tonce
\t0x2\ttuesday.parquet\t6\t4\tagain
\t0x2\twednesday.parquet\t4\t4\tonce
\trun\tkind\tdetail
\twednesday.parquet\tmissed\tlines of the log could not be read: 1, the first is line 3
"""


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trace of each run."""
    built = REPOSITORY / "target" / "release" / "busprobe"
    busprobe = shutil.which("busprobe") or shutil.which(str(built))
    if busprobe is None:
        pytest.fail("busprobe is missing: cargo build --release -p busprobe", pytrace=False)
    folder = tmp_path_factory.mktemp("traces")
    for run, lines in RUNS.items():
        log = folder / f"{run}.log"
        log.write_text("\n".join(lines) + "\n")
        window = ["--mark", "0x1000", "--window", "0x2000+4K"]
        output = ["-o", str(folder / f"{run}.parquet")]
        ran = subprocess.run([busprobe, "import", str(log), *window, *output])
        assert ran.returncode == (2 if run == "wednesday" else 0)
    return folder


@pytest.mark.parametrize("engine", ["duckdb", "polars", "spark"])
def test_the_answers_are_the_same(engine: str, traces: Path) -> None:
    """Each engine prints the same tables."""
    if engine == "spark" and shutil.which("java") is None:
        pytest.fail("Spark needs Java: apt-get install default-jre-headless", pytrace=False)
    script = HERE / f"with_{engine}.py"
    asked = [sys.executable, str(script), str(traces / "*.parquet")]
    answered = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
    assert answered.stdout == ANSWERS
