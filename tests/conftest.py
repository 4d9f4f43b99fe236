"""What the tests share: a file that stands for a device's registers."""

from pathlib import Path

import pytest

from capture import LENGTH


@pytest.fixture
def window(tmp_path: Path) -> Path:
    """64 KiB of zeros."""
    file = tmp_path / "window.bin"
    file.write_bytes(bytes(LENGTH))
    return file
