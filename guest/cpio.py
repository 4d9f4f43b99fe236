"""The archive that Linux unpacks as its first root: cpio's `newc` form.

The layout is that of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from pathlib import Path

FOLDER, FILE, LINK = 0o040755, 0o100644, 0o120777
PROGRAM = FILE | 0o111


class Archive:
    """Collects entries in memory; everything belongs to root and has no time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._entries = 0

    def folder(self, name: str) -> None:
        self._add(name, FOLDER, b"")

    def file(self, name: str, data: bytes, program: bool = False) -> None:
        self._add(name, PROGRAM if program else FILE, data)

    def link(self, name: str, to: str) -> None:
        self._add(name, LINK, to.encode())

    def copy(self, name: str, source: Path) -> None:
        """A file, with its permission to run, or a symbolic link as it is."""
        if source.is_symlink():
            self.link(name, str(source.readlink()))
        else:
            self.file(name, source.read_bytes(), program=bool(source.stat().st_mode & 0o100))

    def whole(self) -> bytes:
        """The archive with its end; nothing can be added afterwards."""
        self._add("TRAILER!!!", 0, b"")
        return b"".join(self._parts)

    def _add(self, name: str, mode: int, data: bytes) -> None:
        self._entries += 1
        path = name.encode() + b"\0"
        links = 2 if mode == FOLDER else 1
        # inode, mode, uid, gid, links, time, size, 4 device numbers, length of the name, checksum
        fields = (self._entries, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + path, data):
            self._parts += [part, bytes(-len(part) % 4)]
