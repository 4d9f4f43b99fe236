"""The busprobe command of this source tree, on this machine."""

import subprocess

from guest.cross import SOURCE


def busprobe(*arguments: str) -> str:
    """What the command prints; it has to end well."""
    cargo = ["cargo", "run", "--quiet", "--package", "busprobe", "--"]
    done = subprocess.run([*cargo, *arguments], cwd=SOURCE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
