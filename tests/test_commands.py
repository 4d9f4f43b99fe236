"""Commands of Debian's packages: busybox devmem, memtool, dd."""

import shutil
import subprocess
from pathlib import Path

import pytest

from capture import LENGTH, need, trace

# A /dev of its own in which /dev/mem is the watched file: the machine's is not there at all.
OWN_DEV = 'mount -t tmpfs tmpfs /dev && ln -s "$1" /dev/mem && exec busybox devmem $2'


@pytest.fixture(scope="module")
def own_mounts() -> "list[str]":
    """The command after which mounts are a process's own."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        test = [*command, "mount", "-t", "tmpfs", "tmpfs", "/dev"]
        if shutil.which("unshare") and subprocess.run(test, capture_output=True).returncode == 0:
            return command
    pytest.skip("skipped: this machine lets nobody have mounts of their own (unshare --mount)")


@pytest.mark.parametrize(
    ("arguments", "accesses", "value"),
    [
        # The width is the access's, and a bare address is a word of 32 bits.
        ("0x10", ["R10/4"], 0),
        ("0x23 8", ["R23/1"], 0),
        ("0x42 16", ["R42/2"], 0),
        ("0x40 64", ["R40/8"], 0),
        # A write is a write: it reads nothing, before or after.
        ("0x10 32 0x12345678", ["W10/4"], 0x12345678),
        ("0x23 8 0xa5", ["W23/1"], 0xA5),
        ("0x40 64 0x1122334455667788", ["W40/8"], 0x1122334455667788),
        # The mapping begins at the page that the address lies in.
        ("0x2008 32 7", ["W2008/4"], 7),
    ],
)
def test_busybox_devmem_makes_the_one_access_that_it_is_asked_for(
    arguments: str, accesses: "list[str]", value: int, window: Path, own_mounts: "list[str]"
) -> None:
    need("busybox", "busybox")
    command = [*own_mounts, "sh", "-c", OWN_DEV, "sh", window, arguments]
    seen = trace(window, command)
    assert (seen.accesses(), seen.values()) == (accesses, [value])
    assert seen.of("loss") == []


def test_memtool_makes_one_access_a_word_in_order(window: Path) -> None:
    memtool = need("memtool", "memtool")
    words = trace(window, [memtool, "md", "-s", window, "0x10+16"])
    assert words.accesses() == ["R10/4", "R14/4", "R18/4", "R1c/4"]
    half_words = trace(window, [memtool, "md", "-w", "-s", window, "0x10+4"])
    assert half_words.accesses() == ["R10/2", "R12/2"]
    written = trace(window, [memtool, "mw", "-d", window, "0x20", "0x1234", "0x5678"])
    assert (written.accesses(), written.values()) == (["W20/4", "W24/4"], [0x1234, 0x5678])


@pytest.mark.parametrize("flags", [[], ["oflag=direct", "bs=4096"]], ids=["cached", "direct"])
def test_dd_maps_nothing_so_nothing_is_touched(flags: "list[str]", window: Path) -> None:
    """It reads and writes files by system calls: the kernel moves the bytes, and on a device that
    can only be mapped there is nothing for it to read."""
    command = ["dd", "if=/dev/zero", f"of={window}", "count=2", "conv=notrunc", *flags]
    seen = trace(window, command)
    assert seen.records[-1]["t"] == "window"
    assert f"nothing touched {window}" in seen.summary
    assert window.stat().st_size == LENGTH
