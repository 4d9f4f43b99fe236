"""The libraries that access is measured beside, and tried with: python-periphery and PYNQ."""

from __future__ import annotations

import io
import mmap
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np

CACHE = Path(__file__).parents[1] / ".cache" / "bench"
PEERS = CACHE / "peers"


def install() -> None:
    """Puts python-periphery, and of PYNQ the module that is measured, on the module path."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    if not (PEERS / "periphery").exists():
        subprocess.run([*pip, "install", "setuptools", "wheel"], check=True)
        options = ["--no-deps", "--no-build-isolation", "--target", str(PEERS)]
        subprocess.run([*pip, "install", *options, "python-periphery==2.4.1"], check=True)
    if not (PEERS / "pynq").exists():
        # The package itself wants a board. Its MMIO class does not.
        options = ["--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d", str(CACHE)]
        subprocess.run([*pip, "download", *options, "pynq==3.0.1"], check=True)
        archive = CACHE / "pynq-3.0.1.tar.gz"
        with tarfile.open(archive) as package:
            for name in package.getnames():
                if name.endswith("/pynq/mmio.py") or "/pynq/_3rdparty/" in name:
                    part = package.extractfile(name)
                    target = PEERS / name.split("/", 1)[1]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes((part or io.BytesIO()).read())
        archive.unlink()
    sys.path.insert(0, str(PEERS))


class MappedDevice:
    """What PYNQ's MMIO asks of a board: the same mapping as a numpy array."""

    def __init__(self, memory: mmap.mmap) -> None:
        """A device of that memory."""
        self.memory = memory

    def has_capability(self, name: str) -> bool:
        """It is mapped, and no more."""
        return name == "MEMORY_MAPPED"

    def mmap(self, base: int, length: int) -> np.ndarray:
        """The memory, as PYNQ's own devices give it."""
        return np.frombuffer(self.memory, np.uint32, length >> 2, base)
