"""The kinds of CPU that guests have, and where their packages put things."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """All names are those of the trees in `packages.py`, and paths in them."""

    #: What runs in the guest: busybox, CPython, their libraries.
    root: str
    kernel: str
    #: Debian's name of the folder of its libraries.
    triplet: str
    #: Where programs look for the loader.
    loader: str


ARM64 = Architecture(
    root="arm64",
    kernel="kernel-arm64",
    triplet="aarch64-linux-gnu",
    loader="lib/ld-linux-aarch64.so.1",
)
AMD64 = Architecture(
    root="amd64",
    kernel="kernel-amd64",
    triplet="x86_64-linux-gnu",
    loader="lib64/ld-linux-x86-64.so.2",
)
