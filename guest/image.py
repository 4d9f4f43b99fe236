"""The guest's root: busybox, CPython and a few kernel modules, as one initramfs."""

from collections.abc import Iterator
from pathlib import Path

from guest.architecture import Architecture
from guest.cpio import Archive
from guest.errors import GuestError
from guest.packages import find, tree

HERE = Path(__file__).parent

# The job disk, in the order that they need one another. Some kernels have the first two built in.
MODULES = (
    *("virtio_ring", "virtio"),
    *("virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"),
)

# What Python and a program built here link against; the rest of the tree stays outside.
LIBRARIES = ("c", "m", "dl", "pthread", "rt", "util", "z", "expat", "ffi", "gcc_s")

BULKY = {"__pycache__", "test", "pydoc_data", "lib2to3", "idlelib"}


def initramfs(architecture: Architecture) -> bytes:
    """Not compressed: unpacking would take the emulated CPU longer than reading."""
    archive = Archive()
    for folder in ("dev", "proc", "sys", "tmp", "modules"):
        archive.folder(folder)
    for folder in ("usr", "usr/bin", "usr/lib", "usr/lib64"):
        archive.folder(folder)
    # As the packages are unpacked: /usr merged.
    archive.link("lib", "usr/lib")
    archive.link("lib64", "usr/lib64")
    # Where busybox puts its commands; those in /usr/bin come first in the PATH.
    archive.folder("bin")
    root = tree(architecture.root)
    archive.copy("bin/busybox", root / "usr/bin/busybox")
    for name, path in _python(root, architecture):
        if path.is_dir() and not path.is_symlink():
            archive.folder(name)
        else:
            archive.copy(name, path)
    order = [name for name in MODULES if _add_module(archive, architecture, name)]
    archive.file("modules/order", "".join(f"{name}.ko\n" for name in order).encode())
    archive.file("warm_up.py", (HERE / "warm_up.py").read_bytes())
    archive.file("init", (HERE / "init").read_bytes(), program=True)
    return archive.whole()


def _python(root: Path, architecture: Architecture) -> Iterator[tuple[str, Path]]:
    """CPython, its library and the shared libraries: name in the guest, and the path here."""
    yield from ((f"usr/bin/{path.name}", path) for path in sorted(root.glob("usr/bin/python3*")))
    folder = f"usr/lib/{architecture.triplet}"
    libraries = root / folder
    yield folder, libraries
    loader = root / "usr" / architecture.loader
    yield f"usr/{architecture.loader}", loader
    yield f"{folder}/{loader.name}", libraries / loader.name
    for library in LIBRARIES:
        for path in sorted(libraries.glob(f"lib{library}.so.*")):
            yield f"{folder}/{path.name}", path
    (library,) = root.glob("usr/lib/python3.*")
    yield f"usr/lib/{library.name}", library
    for path in sorted(library.rglob("*")):
        if not BULKY.intersection(path.relative_to(library).parts):
            yield str(path.relative_to(root)), path


def _add_module(archive: Archive, architecture: Architecture, name: str) -> bool:
    """Whether the kernel has it as a module, and not built in."""
    folder = find(architecture.kernel, "usr/lib/modules/*")
    built_in = (folder / "modules.builtin").read_text()
    if f"/{name}.ko\n" in built_in:
        return False
    found = sorted(folder.rglob(f"{name}.ko"))
    if not found:
        raise GuestError(f"the kernel packages have no module {name}.ko, uncompressed")
    archive.file(f"modules/{name}.ko", found[0].read_bytes())
    return True
