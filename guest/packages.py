"""The Debian packages that the guest and the cross build are made of, each set as a folder tree."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from guest.apt import Wanted, download, host_architecture
from guest.cache import built_once, cache_folder
from guest.errors import GuestError

# Packages that only set a system up when they are installed, which these are not.
SETUP = ("adduser", "debconf", "dpkg", "iso-codes", "passwd", "media-types", "tzdata")
KERNEL_SETUP = ("initramfs-tools", "kmod", "linux-base")

TREES = {
    # The machine's emulators, with their own C library: they run beside any QEMU of the host's.
    "qemu": Wanted(complete=("qemu-system-arm", "qemu-system-x86", "qemu-user"), without=SETUP),
    "kernel-arm64": Wanted(complete=("linux-image-arm64:arm64",), without=KERNEL_SETUP),
    "kernel-amd64": Wanted(complete=("linux-image-cloud-amd64:amd64",), without=KERNEL_SETUP),
    # What runs in the guests, and under qemu-user.
    "arm64": Wanted(
        complete=("python3-minimal:arm64", "libpython3-stdlib:arm64", "busybox-static:arm64"),
        without=SETUP,
    ),
    "amd64": Wanted(
        complete=("python3-minimal:amd64", "libpython3-stdlib:amd64", "busybox-static:amd64"),
        without=SETUP,
    ),
    "musl": Wanted(alone=("musl:arm64",)),
    # The C library's symbols and lines, found by build id.
    "libc6-dbg": Wanted(alone=("libc6-dbg:arm64",)),
    # The cross build. Its programs run with the host's own C library.
    "gcc": Wanted(
        complete=("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"), without=("libc6", *SETUP)
    ),
    "rust": Wanted(
        complete=("rustc-web", "libstd-rust-web-dev"),
        alone=("libstd-rust-web-dev:arm64",),
        without=("libc6", "gcc", "binutils", "libc-dev", *SETUP),
    ),
}


def tree(name: str) -> Path:
    """The folder that holds the files of the set `name`, fetched the first time."""
    wanted = TREES[name]
    # Another choice of packages is another tree.
    key = hashlib.sha256(f"{host_architecture()} {wanted}".encode()).hexdigest()[:8]
    return built_once(cache_folder() / "trees" / f"{name}-{key}", lambda at: _fill(at, wanted))


def find(name: str, pattern: str) -> Path:
    """The one path in the tree `name` that `pattern` matches."""
    found = sorted(tree(name).glob(pattern))
    if not found:
        raise GuestError(
            f"the packages in {tree(name)} hold no {pattern}: "
            "this release of the distribution names it otherwise"
        )
    return found[0]


def _fill(at: Path, wanted: Wanted) -> None:
    # Debian 12's packages have /lib and /usr/lib, later ones /usr/lib alone.
    for folder in ("bin", "sbin", "lib", "lib64"):
        (at / "usr" / folder).mkdir(parents=True)
        (at / folder).symlink_to(Path("usr", folder))
    with tempfile.TemporaryDirectory(prefix=".packages-", dir=at.parent) as archives:
        download(wanted, Path(archives))
        packages = sorted(Path(archives).glob("*.deb"))
        for package in packages:
            _unpack(package, at)
    (at / "packages.txt").write_text("".join(f"{package.name}\n" for package in packages))


def _unpack(package: Path, at: Path) -> None:
    untar = ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner"]
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
    ) as archive:
        files = subprocess.run([*untar, "--directory", str(at)], stdin=archive.stdout)
    if archive.returncode != 0 or files.returncode != 0:
        raise GuestError(f"{package.name} cannot be unpacked into {at}: is the disk full?")
