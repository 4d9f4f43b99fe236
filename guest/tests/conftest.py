"""What the system tests share: a guest that runs a job."""

from pathlib import Path

import pytest

from guest.errors import Unavailable
from guest.machine import VIRT, snapshot


@pytest.fixture(scope="session", autouse=True)
def guest() -> Path:
    """The snapshot that jobs start from."""
    try:
        return snapshot(VIRT)
    except Unavailable as why:
        pytest.skip(f"skipped: {why}")
