"""The published listings of a Cortex-A57's bus; the file says where they come from."""

from pathlib import Path

FILE = Path(__file__).parents[2] / "crates/lab/tests/golden/seed.txt"


def sections() -> dict[str, list[str]]:
    """Each section's lines by its name: `scalar`, `slice 4`, `table` and so on."""
    found: dict[str, list[str]] = {}
    for line in FILE.read_text().splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found
