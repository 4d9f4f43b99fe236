"""The HDL, the driver and the documentation have the registers that the SVD has."""

import re

import registers
from conftest import HDL
from driver import recorder

REGISTERS = [register for register in registers.registers() if not register.is_alternate]


def test_the_core_has_them() -> None:
    source = (HDL / "axil_recorder_control.sv").read_text()
    constants = re.findall(r"localparam logic \[11:0\] (\w+) = 12'h(\w+);", source)
    assert [(name, int(value, 16)) for name, value in constants] == [
        (register.name, register.offset) for register in REGISTERS
    ]


def test_the_driver_has_them() -> None:
    assert [(register.name, register.value) for register in recorder.Register] == [
        (register.name, register.offset) for register in REGISTERS
    ]
    by_name = {register.name: register for register in REGISTERS}
    assert by_name["ID"].reset == recorder.ID_VALUE
    for field in by_name["CONTROL"].fields:
        assert getattr(recorder, f"CONTROL_{field.name}") == 1 << field.low
    words = [register for register in registers.registers() if register.offset == 0x40]
    assert len(words) == recorder.RECORD_WORDS


def test_the_documentation_has_them() -> None:
    page = registers.PAGE.read_text()
    assert registers.with_table(page) == page, "run `make -C hdl docs`"
