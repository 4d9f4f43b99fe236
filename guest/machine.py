"""The machines: each is booted once up to its snapshot, from which every job starts."""

import functools
import hashlib
import json
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guest.architecture import AMD64, ARM64, Architecture
from guest.bus import Region
from guest.cache import built_once, cache_folder
from guest.errors import GuestError
from guest.image import initramfs
from guest.packages import find
from guest.parts import emulator

# How long a machine may take before something must be wrong. A loaded, slow host needs patience.
BOOT_SECONDS = 120
JOB_SECONDS = 300

JOB_DISK_BYTES = 64 << 20

# Memory that is freed is zeroed: zeros cost nothing in a snapshot.
KERNEL_COMMAND_LINE = "quiet nokaslr panic=-1 init_on_free=1"


@dataclass(frozen=True)
class Machine:
    """A machine that QEMU emulates.

    Its window is its virtio-mmio slots, which are empty here: they take every write, act on none,
    and pass on at most 4 bytes at a time.
    """

    architecture: Architecture
    emulator: str
    #: QEMU's options for the machine and its CPU.
    model: tuple[str, ...]
    #: Of the kernel's command line, what only this machine needs.
    kernel_options: str
    window: Region

    def command(self) -> list[str]:
        """QEMU, and the machine's hardware."""
        return [
            str(emulator(self.emulator)),
            *(*self.model, "-m", "256"),
            # All but the window's slots goes on PCI: the job disk, and a device that answers
            # accesses of other than 4 or 8 bytes with an error (docs/specs/edu.rst of QEMU).
            *("-device", "virtio-blk-pci,drive=job,romfile=,addr=1"),
            *("-device", "edu,addr=2"),
            *("-nodefaults", "-display", "none", "-no-reboot"),
            # A machine that was stopped to be saved runs when it is restored.
            *("-global", "migration.store-global-state=off"),
        ]


VIRT = Machine(
    architecture=ARM64,
    emulator="qemu-system-aarch64",
    model=("-machine", "virt", "-cpu", "cortex-a57"),
    kernel_options="console=ttyAMA0",
    window=Region(base=0x0A00_0000, length=0x4000, mark=0x3FF0),
)
PC = Machine(
    architecture=AMD64,
    emulator="qemu-system-x86_64",
    # Small and quick to boot, and the only x86 machine with virtio-mmio slots: 24, with the second
    # interrupt controller. QEMU's largest CPU model has AVX2.
    model=("-machine", "microvm,pcie=on,ioapic2=on,rtc=on", "-cpu", "max"),
    # Or the kernel measures the clock by a timer, and hangs when the host is too busy for that.
    kernel_options="console=ttyS0 tsc_early_khz=2000000",
    window=Region(base=0xFEB0_0000, length=0x3000, mark=0x2FF0),
)


@functools.cache
def snapshot(machine: Machine) -> Path:
    """The file with the state of a machine that waits for a job; boots one the first time."""
    image = initramfs(machine.architecture)
    kernel = find(machine.architecture.kernel, "boot/vmlinuz-*")
    command_line = f"{machine.kernel_options} {KERNEL_COMMAND_LINE}"
    facts = [*machine.command(), command_line, str(kernel)]
    key = hashlib.sha256(image + "\0".join(facts).encode()).hexdigest()[:16]

    def boot(at: Path) -> None:
        (at / "initramfs").write_bytes(image)
        boot_options = ["-kernel", str(kernel), "-initrd", str(at / "initramfs")]
        boot_options += ["-append", command_line]
        _save_when_ready(at, [*machine.command(), *boot_options])

    return built_once(cache_folder() / "snapshots" / key, boot) / "state"


def restore(machine: Machine, disk: Path, log: Path, events: list[str], console: Path) -> None:
    """Runs the job on `disk` to its end, with QEMU's trace `events` written to `log`."""
    state = shlex.quote(str(snapshot(machine)))
    command = [*machine.command(), *_disk(disk), "-serial", f"file:{console}"]
    for event in events:
        command += ["-trace", event]
    command += ["-D", str(log), "-incoming", f"exec:cat {state}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=JOB_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise GuestError(f"the job did not end within {JOB_SECONDS} s{_tail(console)}") from None
    if done.returncode != 0:
        raise GuestError(f"QEMU ended with {done.returncode}: {done.stderr.strip()}")


def _disk(path: Path) -> list[str]:
    return ["-drive", f"if=none,id=job,format=raw,cache=unsafe,file={path}"]


def _save_when_ready(at: Path, machine: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="busprobe-boot-") as folder:
        disk, console = Path(folder, "disk"), Path(folder, "console")
        with disk.open("wb") as file:
            file.truncate(JOB_DISK_BYTES)
        console.touch()
        command = [*machine, *_disk(disk), "-serial", f"file:{console}", "-qmp", "stdio"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as qemu:
            try:
                _wait_until_ready(qemu, console)
                control = _Control(qemu)
                control("stop")
                control("migrate", uri=f"exec:cat > {shlex.quote(str(at / 'state'))}")
                while (status := control("query-migrate").get("status")) != "completed":
                    if status == "failed":
                        raise GuestError(f"QEMU could not save its state to {at}: disk full?")
                    time.sleep(0.05)
                control("quit")
            except BaseException:
                qemu.kill()
                raise


def _wait_until_ready(qemu: "subprocess.Popen[str]", console: Path) -> None:
    patience = time.monotonic() + BOOT_SECONDS
    while "READY" not in console.read_text(errors="replace"):
        if qemu.poll() is not None:
            raise GuestError(f"QEMU ended while the guest booted{_tail(console)}")
        if time.monotonic() > patience:
            raise GuestError(f"the guest did not boot within {BOOT_SECONDS} s{_tail(console)}")
        time.sleep(0.1)


class _Control:
    """QEMU's control channel: docs/interop/qmp-spec."""

    def __init__(self, qemu: "subprocess.Popen[str]") -> None:
        assert qemu.stdin is not None and qemu.stdout is not None
        self._to, self._from = qemu.stdin, qemu.stdout
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: str) -> dict[str, Any]:
        self._to.write(json.dumps({"execute": command, "arguments": arguments}))
        self._to.flush()
        for line in self._from:
            answer = json.loads(line)
            if "error" in answer:
                raise GuestError(f"QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise GuestError(f"QEMU ended before it answered {command}")


def _tail(console: Path) -> str:
    lines = console.read_text(errors="replace").splitlines()[-10:]
    return "".join(f"\n    {line}" for line in ["; its console ended with:", *lines])
