"""Print the bytecode of one line of a program, an arrow at one instruction.

    python3 line_bytecode.py FILE LINE FUNCTION OFFSET INSTRUCTION

The file is compiled and not run. When there is no such instruction in it, it is not what ran, or
this is another Python: then nothing is printed.
"""

import dis
import sys
import types
from typing import Iterator, Optional, Tuple

LONGEST_ARGUMENT = 48


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """All code objects of a file."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def with_lines(code: types.CodeType) -> Iterator[Tuple[dis.Instruction, Optional[int]]]:
    """The instructions, each with its line."""
    starts = dict(dis.findlinestarts(code))
    line = None
    for instruction in dis.get_instructions(code):
        line = starts.get(instruction.offset, line)
        yield instruction, line


def main() -> None:
    """Find the instruction, and print its line around it."""
    path, line, function, offset, name = sys.argv[1:]
    with open(path, "rb") as file:
        top = compile(file.read(), path, "exec", dont_inherit=True)
    for code in codes(top):
        if function not in (getattr(code, "co_qualname", None), code.co_name):
            continue
        all_of_it = list(with_lines(code))
        places = [
            place
            for place, (instruction, of) in enumerate(all_of_it)
            if (instruction.offset, instruction.opname, of) == (int(offset), name, int(line))
        ]
        if not places:
            continue
        first = last = places[0]
        while first > 0 and all_of_it[first - 1][1] == int(line):
            first -= 1
        while last + 1 < len(all_of_it) and all_of_it[last + 1][1] == int(line):
            last += 1
        for place in range(first, last + 1):
            instruction = all_of_it[place][0]
            arrow = "-->" if place == places[0] else ""
            argument = instruction.argrepr
            if len(argument) > LONGEST_ARGUMENT:
                argument = argument[: LONGEST_ARGUMENT - 3] + "..."
            text = f"{arrow:>3} {instruction.offset:>5} {instruction.opname:<20} {argument}"
            print(text.rstrip())
        return


main()
