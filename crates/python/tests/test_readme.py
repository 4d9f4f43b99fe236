"""What the README shows works."""

import mmap
import platform
import re
from pathlib import Path
from typing import Any, Dict

README = Path(__file__).parents[3] / "README.md"


def test_the_python_in_the_readme_runs(tmp_path: Path) -> None:
    window = tmp_path / "window"
    window.write_bytes(bytes(16384))
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    before, exact, traced = blocks
    with window.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mm:
        names: Dict[str, Any] = {"mm": mm, "data": memoryview(bytes(16)).cast("I")}
        for block in (before, exact):
            exec(block.replace("mem:0x0a000000+16K", str(window)), names)
        assert names["status"] == 0
        names["mv32"].release()
        written = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0]
        assert mm[:20] == bytes(written)
        if platform.machine() == "x86_64":
            exec("import busprobe\n" + traced, names)
            assert mm[:20] == bytes(16) + bytes(written[16:])
