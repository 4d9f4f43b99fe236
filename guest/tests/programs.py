"""The programs that make a list of accesses in the guest, one in Rust and one in Python."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Union

from guest.cross import SOURCE, build
from guest.job import Done, run

Program = Callable[..., Done]


def rust(
    target: str, lines: Sequence[str], at: Path, events: Sequence[str], before: str = ""
) -> Done:
    """Makes the accesses of `lines` from Rust, after the shell command `before`."""
    files: dict[str, Union[bytes, Path]] = {"exact": build("-p", "busprobe-guest-exact")}
    return _run(f"{before}\n./exact {target}", lines, at, events, files)


def python(
    target: str, lines: Sequence[str], at: Path, events: Sequence[str], before: str = ""
) -> Done:
    """The same from Python."""
    files = python_package() | {"exact.py": SOURCE / "guest/exact/exact.py"}
    return _run(f"{before}\npython3 exact.py {target}", lines, at, events, files)


def python_package() -> dict[str, Union[bytes, Path]]:
    """busprobe's Python package for the guest."""
    package = SOURCE / "crates/python/python"
    files: dict[str, Union[bytes, Path]] = {
        str(path.relative_to(package)): path for path in package.rglob("*.py")
    }
    return files | {"busprobe/_busprobe.so": build("-p", "busprobe-python")}


def _run(
    command: str,
    lines: Sequence[str],
    at: Path,
    events: Sequence[str],
    files: dict[str, Union[bytes, Path]],
) -> Done:
    experiments = "".join(f"{line}\n" for line in lines).encode()
    done = run(f"{command} < experiments", at, files | {"experiments": experiments}, events)
    assert done.status == 0, done.output
    return done
