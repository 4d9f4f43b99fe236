"""A device's refusal is an error that says what was refused, and the process lives on.

QEMU's `edu` device takes 4 and 8 bytes; the CPU gets an external abort for anything else, and the
program a real SIGBUS.
"""

import pytest

from guest.tests import edu, programs

LINES = [
    "0 read 32 0 1 4",
    "1 read 8 0 3 1",
    "2 write 16 4 2 2",
    "3 read 32 0 1 4",
]
# docs/specs/edu.rst of QEMU: 0xRRrr00ed, version 1.0.
IDENTITY = "0x10000ed"


# Python's faulthandler wants the same signals.
FAULTHANDLER = "export PYTHONFAULTHANDLER=1"


@pytest.mark.parametrize(
    ("program", "setting"),
    [(programs.rust, ""), (programs.python, ""), (programs.python, FAULTHANDLER)],
)
def test_a_refused_access_is_an_error_and_the_next_one_works(
    program: programs.Program, setting: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = tmp_path_factory.mktemp("fault")
    done = program(edu.TARGET, LINES, at, [], f"{edu.ATTACH}\n{setting}")
    first, byte, half, last = done.output.splitlines()
    assert (first, last) == (f"0 {IDENTITY}", f"3 {IDENTITY}")
    for said, facts in (
        (byte, ["SIGBUS", "8-bit read", "offset 0x0", "bus address 0x10000000"]),
        (half, ["SIGBUS", "16-bit write", "offset 0x4", "bus address 0x10000004"]),
    ):
        assert "error:" in said
        assert all(fact in said for fact in [*facts, "after 0 completed"]), said
