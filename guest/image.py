"""The guest's root: busybox, CPython and a few kernel modules, as one initramfs."""

from collections.abc import Iterator
from pathlib import Path

from guest.cpio import Archive
from guest.errors import GuestError
from guest.packages import tree
from guest.parts import modules

HERE = Path(__file__).parent

# The job disk, in the order that they need one another.
MODULES = ("virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")

# What Python and a program built here link against; the rest of the tree stays outside.
LIBRARIES = ("c", "m", "dl", "pthread", "rt", "util", "z", "expat", "ffi", "gcc_s")

BULKY = {"__pycache__", "test", "pydoc_data", "lib2to3", "idlelib"}


def initramfs() -> bytes:
    """Not compressed: unpacking would take the emulated CPU longer than reading."""
    archive = Archive()
    for folder in ("dev", "proc", "sys", "tmp", "modules", "usr", "usr/bin", "usr/lib"):
        archive.folder(folder)
    # As the packages are unpacked: /usr merged.
    archive.link("lib", "usr/lib")
    # Where busybox puts its commands; those in /usr/bin come first in the PATH.
    archive.folder("bin")
    root = tree("arm64")
    archive.copy("bin/busybox", root / "usr/bin/busybox")
    for name, path in _python(root):
        if path.is_dir() and not path.is_symlink():
            archive.folder(name)
        else:
            archive.copy(name, path)
    for module in MODULES:
        archive.file(f"modules/{module}.ko", _module(module))
    archive.file("modules/order", "".join(f"{module}.ko\n" for module in MODULES).encode())
    archive.file("warm_up.py", (HERE / "warm_up.py").read_bytes())
    archive.file("init", (HERE / "init").read_bytes(), program=True)
    return archive.whole()


def _python(root: Path) -> Iterator[tuple[str, Path]]:
    """CPython, its library and the shared libraries: name in the guest, and the path here."""
    yield from ((f"usr/bin/{path.name}", path) for path in sorted(root.glob("usr/bin/python3*")))
    libraries = root / "usr/lib/aarch64-linux-gnu"
    yield "usr/lib/aarch64-linux-gnu", libraries
    loader = "ld-linux-aarch64.so.1"
    yield f"usr/lib/{loader}", root / "usr/lib" / loader
    yield f"usr/lib/aarch64-linux-gnu/{loader}", libraries / loader
    for library in LIBRARIES:
        for path in sorted(libraries.glob(f"lib{library}.so.*")):
            yield f"usr/lib/aarch64-linux-gnu/{path.name}", path
    (library,) = root.glob("usr/lib/python3.*")
    yield f"usr/lib/{library.name}", library
    for path in sorted(library.rglob("*")):
        if not BULKY.intersection(path.relative_to(library).parts):
            yield str(path.relative_to(root)), path


def _module(name: str) -> bytes:
    found = sorted(modules().rglob(f"{name}.ko"))
    if not found:
        raise GuestError(f"the kernel packages have no module {name}.ko, uncompressed")
    return found[0].read_bytes()
