"""The recorder's register map, read from its SVD."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

SVD = Path(__file__).parents[1] / "axil_recorder.svd"
PAGE = SVD.parents[1] / "docs/recorder.md"


class Field(NamedTuple):
    """Some bits of a register."""

    name: str
    low: int
    high: int
    description: str


class Register(NamedTuple):
    """One register, or one more meaning of a register that gives several words."""

    name: str
    offset: int
    access: str
    """``read-only`` or ``read-write``."""
    reset: int
    reset_mask: int
    """The bits whose reset value does not depend on the core's parameters."""
    is_alternate: bool
    description: str
    fields: list[Field]


def registers() -> list[Register]:
    """All of them, in the order of the SVD."""
    return [_register(element) for element in ElementTree.parse(SVD).iter("register")]


def _register(element: ElementTree.Element) -> Register:
    def text(name: str, default: str = "") -> str:
        return element.findtext(name, default)

    return Register(
        name=text("name"),
        offset=int(text("addressOffset"), 16),
        access=text("access"),
        reset=int(text("resetValue"), 16),
        reset_mask=int(text("resetMask", "0xffffffff"), 16),
        is_alternate=element.find("alternateRegister") is not None,
        description=text("description"),
        fields=[_field(field) for field in element.iter("field")],
    )


def _field(element: ElementTree.Element) -> Field:
    high, low = element.findtext("bitRange", "").strip("[]").split(":")
    return Field(
        name=element.findtext("name", ""),
        low=int(low),
        high=int(high),
        description=element.findtext("description", ""),
    )


_BEGIN, _END = "<!-- registers: begin -->\n", "<!-- registers: end -->\n"


def with_table(page: str) -> str:
    """The page with its table of registers made anew."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin and end, f"{PAGE} has lost the marks around its table"
    return before + _BEGIN + "\n" + _table() + "\n" + _END + after


def _table() -> str:
    lines = ["| offset | register | access | bits | what |", "| --- | --- | --- | --- | --- |"]
    for register in registers():
        access = {"read-only": "R", "read-write": "RW"}[register.access]
        offset = "" if register.is_alternate else f"`{register.offset:#05x}`"
        lines.append(f"| {offset} | `{register.name}` | {access} | | {register.description} |")
        for field in register.fields:
            bits = f"{field.high}:{field.low}" if field.high != field.low else f"{field.low}"
            lines.append(f"| | `.{field.name}` | | {bits} | {field.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
