"""A job: files and a shell script that run in the guest, and what came of it."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from guest.errors import GuestError
from guest.machine import JOB_DISK_BYTES, VIRT, Machine, restore

# QEMU's trace events: what comes to devices, and what the CPU issued to those below a page.
BUS = ("memory_region_ops_read", "memory_region_ops_write")
ISSUED = ("memory_region_subpage_read", "memory_region_subpage_write")


@dataclass(frozen=True)
class Done:
    """A job that came to its end."""

    #: The script's exit status.
    status: int
    #: What it wrote to its standard output and error.
    output: str
    #: QEMU's log of the events that were asked for, of the whole machine.
    log: Path
    #: What it left in `/job/out`, by name.
    files: Mapping[str, bytes]


def run(
    script: str,
    at: Path,
    files: Mapping[str, Union[bytes, Path]] = {},
    events: Sequence[str] = BUS,
    machine: Machine = VIRT,
) -> Done:
    """Runs `script` with busybox's shell in a fresh guest, its working folder `/job`.

    `files` are put beside it, by name, with leave to run; `at` is a folder for QEMU's log.
    """
    disk, log, console = at / "job.disk", at / "bus.log", at / "console.txt"
    _write_disk(disk, script, files)
    console.touch()
    restore(machine, disk, log, list(events), console)
    try:
        with tarfile.open(disk) as answer:
            members = {
                member.name[2:]: answer.extractfile(member) for member in answer if member.isfile()
            }
            results = {name: file.read() for name, file in members.items() if file}
        status = int(results["status"])
    except (tarfile.TarError, KeyError, ValueError):
        raise GuestError(
            f"the guest left no answer; its console said: {console.read_text(errors='replace')}"
        ) from None
    disk.unlink()
    output = results["output"].decode(errors="replace")
    prefix = "out/"
    left = {name[len(prefix) :]: data for name, data in results.items() if name.startswith(prefix)}
    return Done(status, output, log, left)


def _write_disk(disk: Path, script: str, files: Mapping[str, Union[bytes, Path]]) -> None:
    with disk.open("wb") as raw:
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in {"job": f"#!/bin/sh\n{script}".encode(), **files}.items():
                data = content.read_bytes() if isinstance(content, Path) else content
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o755
                archive.addfile(member, io.BytesIO(data))
        if raw.tell() > JOB_DISK_BYTES:
            raise GuestError(f"a job holds {JOB_DISK_BYTES >> 20} MiB, and this has {raw.tell()}")
        raw.truncate(JOB_DISK_BYTES)
