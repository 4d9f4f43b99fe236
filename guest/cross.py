"""Builds our own code for the guests: for this machine's own kind of CPU with what is here.

For arm64 it is cargo with a linker from Debian's packages, and Debian's compiler when cargo's own
has no library for arm64.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guest.apt import host_architecture
from guest.architecture import AMD64, ARM64, Architecture
from guest.cache import built_once, cache_folder
from guest.errors import GuestError, Unavailable
from guest.packages import find, tree

SOURCE = Path(__file__).parents[1]
TARGET = "aarch64-unknown-linux-gnu"


def build(*arguments: str, architecture: Architecture = ARM64) -> Path:
    """The one program or library that `cargo build ARGUMENTS` makes for a guest."""
    command = ["cargo", "build", "--message-format", "json-render-diagnostics", *arguments]
    if architecture == ARM64:
        command += ["--target", TARGET, "--target-dir", str(SOURCE / "target/guest")]
        settings = _settings()
    else:
        _need_amd64()
        # What `make` builds anyway.
        command += ["--release", "--locked"]
        settings = {}
    try:
        done = subprocess.run(
            command, cwd=SOURCE, env=os.environ | settings, stdout=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        raise GuestError("cargo is not here: https://rustup.rs installs it") from None
    if done.returncode != 0:
        raise GuestError(f"`{shlex.join(command)}` failed, and said why above")
    made = [name for line in done.stdout.splitlines() for name in _results(json.loads(line))]
    if len(made) != 1:
        raise GuestError(f"`{shlex.join(command)}` makes not one program but {made}")
    return Path(made[0])


def build_command(architecture: Architecture = ARM64) -> Path:
    """The busprobe command; for arm64 without Parquet, a long build that no guest asks for."""
    features = ["--no-default-features"] if architecture == ARM64 else []
    return build("-p", "busprobe", *features, architecture=architecture)


def _results(message: dict[str, Any]) -> list[str]:
    """The programs, and shared libraries for arm64, that one message of cargo's tells of."""
    if message["reason"] != "compiler-artifact":
        return []
    return [
        name
        for name in message["filenames"]
        if name == message["executable"] or (f"/{TARGET}/" in name and name.endswith(".so"))
    ]


def _need_amd64() -> None:
    if host_architecture() != AMD64.root:
        raise Unavailable("programs for the PC guest are built on x86-64 machines alone")


def _settings() -> dict[str, str]:
    """The environment that makes cargo build for the guest."""
    target = TARGET.replace("-", "_")
    (python,) = tree("arm64").glob("usr/lib/python3.*")
    settings = {
        f"CARGO_TARGET_{target.upper()}_LINKER": str(_linker()),
        # Symbols stay: they are what a trace names.
        "CARGO_PROFILE_DEV_STRIP": "debuginfo",
        # PyO3 cannot ask an interpreter of another architecture.
        "PYO3_CROSS_PYTHON_VERSION": python.name.removeprefix("python"),
    }
    if not _compiler_has_target():
        settings["RUSTC"] = str(_compiler())
    return settings


def _compiler_has_target() -> bool:
    ask = ["rustc", "--print", "target-libdir", "--target", TARGET]
    done = subprocess.run(ask, cwd=SOURCE, capture_output=True, text=True)
    return done.returncode == 0 and Path(done.stdout.strip()).is_dir()


def _compiler() -> Path:
    root = tree("rust")
    return _script("rust", [str(find("rust", "usr/bin/rustc")), "--sysroot", str(root / "usr")])


def compile_c(sources: Sequence[Path], to: Path, architecture: Architecture = ARM64) -> Path:
    """Makes a static program for a guest of C sources."""
    if architecture == ARM64:
        compiler = str(_linker())
    else:
        _need_amd64()
        compiler = "cc"
    command = [compiler, "-O1", "-static", "-o", str(to), *map(str, sources)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise GuestError(f"{to.name} does not compile: {done.stderr}")
    return to


def _linker() -> Path:
    linker = find("gcc", "usr/bin/aarch64-linux-gnu-gcc")
    return _script("gcc", [str(linker), f"--sysroot={tree('gcc')}"])


def _script(name: str, command: list[str]) -> Path:
    """A script that runs a program of the tree `name`, and what that starts, with its libraries."""
    libraries = ":".join(str(at) for at in sorted(tree(name).glob("usr/lib/*-linux-gnu*")))

    def write(at: Path) -> None:
        script = at / name
        script.write_text(
            f"#!/bin/sh\nexport LD_LIBRARY_PATH={shlex.quote(libraries)}\n"
            f'exec {shlex.join(command)} "$@"\n'
        )
        script.chmod(0o755)

    return built_once(cache_folder() / "bin" / tree(name).name, write) / name
