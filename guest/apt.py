"""Packages from the mirrors that this machine's apt already uses, checked by apt.

apt keeps its lists, its cache and its idea of what is installed in a folder of ours, so neither
root nor `dpkg --add-architecture` is needed, and nothing of the machine's own apt changes.
Sources, keyrings, proxies and credentials are the machine's.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from guest.cache import cache_folder, locked
from guest.errors import Unavailable

# The one that every part but the PC needs, and the PC's.
GUEST_ARCHITECTURE = "arm64"
PC_ARCHITECTURE = "amd64"

# `-c` comes after the machine's own configuration, so it is stronger. The hooks that other
# packages hang on `apt-get update` are for the machine's own lists.
CONFIGURATION = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::archives "{into}";
Dir::Log "{folder}/log";
APT::Architectures {{ {architectures} }};
APT::Sandbox::User "";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""

PROVIDED = """\
Package: {name}
Status: install ok installed
Version: 999
Architecture: {host}
Multi-Arch: foreign
Maintainer: none
Description: stands for a package that is not needed

"""


@dataclass(frozen=True)
class Wanted:
    """Which packages to fetch."""

    #: With all they depend on.
    complete: Sequence[str] = ()
    #: Just these.
    alone: Sequence[str] = ()
    #: Dependencies to leave out, with all that only they need.
    without: Sequence[str] = ()


@cache
def host_architecture() -> str:
    """As dpkg names it: `amd64`."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Unavailable(
                f"{tool} is not here: the guest is made of Debian packages, "
                "and needs a Debian or Ubuntu machine or container to fetch them"
            )
    return subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()


def download(wanted: Wanted, into: Path) -> None:
    """Puts the packages' files into the folder `into`."""
    host = host_architecture()
    with locked("apt"):
        folder = cache_folder() / "apt"
        for part in (folder / "state/lists/partial", folder / "log", into / "partial"):
            part.mkdir(parents=True, exist_ok=True)
        without = (PROVIDED.format(name=name, host=host) for name in wanted.without)
        (folder / "status").write_text("".join(without))
        (folder / "apt.conf").write_text(
            CONFIGURATION.format(folder=folder, into=into, architectures=_architectures(host))
        )
        apt = _Apt(folder)
        if apt.has_lists():
            try:
                return apt.fetch(wanted, into)
            except Unavailable:
                pass  # The mirrors may have moved on since the lists were fetched.
        apt.update()
        return apt.fetch(wanted, into)


def _architectures(host: str) -> str:
    names = dict.fromkeys([host, GUEST_ARCHITECTURE, PC_ARCHITECTURE])
    return " ".join(f'"{name}";' for name in names)


class _Apt:
    """apt-get with the configuration in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_lists(self) -> bool:
        lists = self.folder / "state/lists"
        return any(lists.glob(f"*_binary-{GUEST_ARCHITECTURE}_Packages*"))

    def update(self) -> None:
        # Sources that the guest does not need may fail; a package that is missing will show.
        done = self._run(["update"], self.folder)
        if not self.has_lists():
            raise Unavailable(
                f"apt-get update brought no package lists for {GUEST_ARCHITECTURE}: this needs the "
                "network, and apt sources whose mirrors carry that architecture" + _why(done)
            )

    def fetch(self, wanted: Wanted, into: Path) -> None:
        install = ["--yes", "--no-install-recommends", "--download-only", "install"]
        for packages, command in ((wanted.complete, install), (wanted.alone, ["download"])):
            if packages:
                done = self._run([*command, *packages], into)
                if done.returncode != 0:
                    raise Unavailable(f"apt cannot fetch {' '.join(packages)}" + _why(done))

    def _run(self, arguments: list[str], within: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["apt-get", "--quiet=2", f"--config-file={self.folder / 'apt.conf'}", *arguments],
            cwd=within,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


def _why(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
    return "".join(f"\n    apt: {line}" for line in lines[-6:])
