"""Where each part of the guest is, by name: what `python3 -m guest path NAME` prints."""

import shlex
from collections.abc import Callable
from pathlib import Path

from guest.cache import built_once, cache_folder
from guest.packages import find, tree


def libc6() -> Path:
    """Debian's C library for arm64."""
    return find("arm64", "usr/lib/aarch64-linux-gnu/libc.so.6")


def musl() -> Path:
    """musl for arm64."""
    return find("musl", "usr/lib/aarch64-linux-musl/libc.so")


def libc6_dbg() -> Path:
    """Root of the debug files of libc6: `.build-id/xx/yy.debug`."""
    return find("libc6-dbg", "usr/lib/debug")


def sysroot() -> Path:
    """An arm64 root with CPython, busybox and their libraries: `qemu-aarch64 -L` takes it."""
    return tree("arm64")


def python3() -> Path:
    """The CPython in that root."""
    return find("arm64", "usr/bin/python3").resolve()


def busybox() -> Path:
    """The busybox in that root, linked statically."""
    return find("arm64", "usr/bin/busybox")


def kernel() -> Path:
    """Debian's arm64 kernel, as QEMU's `-kernel` takes it."""
    return find("kernel-arm64", "boot/vmlinuz-*")


def qemu_system() -> Path:
    """Runs qemu-system-aarch64."""
    return emulator("qemu-system-aarch64")


def qemu_user() -> Path:
    """Runs qemu-aarch64, the emulation of one program."""
    return emulator("qemu-aarch64")


def emulator(name: str) -> Path:
    """A script that runs a program of the `qemu` tree with that tree's loader and libraries.

    The environment stays as it is: what QEMU starts, or emulates, would take `LD_LIBRARY_PATH` for
    itself.
    """
    program = find("qemu", f"usr/bin/{name}")
    root = tree("qemu")
    loader = find("qemu", "usr/lib*/ld-linux*.so.*")
    libraries = ":".join(str(at) for at in sorted(root.glob("usr/lib/*-linux-gnu*")))
    data = ["-L", str(root / "usr/share/qemu")] if name.startswith("qemu-system-") else []
    command = [str(loader), "--library-path", libraries, str(program), *data]
    (modules,) = root.glob("usr/lib/*-linux-gnu*/qemu")

    def write(at: Path) -> None:
        script = at / name
        script.write_text(
            f"#!/bin/sh\nexport QEMU_MODULE_DIR={shlex.quote(str(modules))}\n"
            f'exec {shlex.join(command)} "$@"\n'
        )
        script.chmod(0o755)

    return built_once(cache_folder() / "bin" / f"{root.name}-{name}", write) / name


PARTS: dict[str, Callable[[], Path]] = {
    "libc6": libc6,
    "musl": musl,
    "libc6-dbg": libc6_dbg,
    "sysroot": sysroot,
    "python3": python3,
    "busybox": busybox,
    "kernel": kernel,
    "qemu-system-aarch64": qemu_system,
    "qemu-system-x86_64": lambda: emulator("qemu-system-x86_64"),
    "qemu-aarch64": qemu_user,
}
