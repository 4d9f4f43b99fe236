"""What the tests stand on: files to look into behind a window's back."""

from pathlib import Path
from typing import Iterator

import busprobe
import pytest

LENGTH = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of which each byte is its own offset, modulo 256."""
    file = tmp_path / "window.bin"
    file.write_bytes(bytes(range(256)) * (LENGTH // 256))
    return file


@pytest.fixture
def dev(path: Path) -> Iterator[busprobe.Window]:
    """A window over that file."""
    with busprobe.open(path) as window:
        yield window
