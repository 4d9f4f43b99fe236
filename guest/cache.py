"""Where downloads and what is built from them are kept: outside the source tree."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from guest.errors import GuestError


def cache_folder() -> Path:
    """`$BUSPROBE_CACHE`, else `$XDG_CACHE_HOME/busprobe`, else `~/.cache/busprobe`."""
    if own := os.environ.get("BUSPROBE_CACHE"):
        folder = Path(own)
    elif xdg := os.environ.get("XDG_CACHE_HOME"):
        folder = Path(xdg, "busprobe")
    else:
        folder = Path.home() / ".cache" / "busprobe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GuestError(
            f"the cache folder {folder} cannot be made ({error.strerror}): "
            "name another with BUSPROBE_CACHE"
        ) from None
    return folder.resolve()


@contextmanager
def locked(name: str) -> Generator[None, None, None]:
    """Keeps other processes that share the cache out of one part of it."""
    with (cache_folder() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built_once(place: Path, build: Callable[[Path], None]) -> Path:
    """The folder `place`, which `build` fills the first time.

    It appears whole or not at all, whatever interrupts the build.
    """
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(f"{place.parent.name}-{place.name}"):
        if not place.exists():
            draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
            try:
                build(draft)
                draft.chmod(0o755)
                draft.rename(place)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
    return place
