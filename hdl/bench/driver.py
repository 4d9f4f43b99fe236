"""The package's own driver of the recorder, taken from its source.

It needs nothing of the native part, so the bench runs without that having been built.
"""

import importlib.util
from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "crates/python/python/busprobe/recorder.py"
_spec = importlib.util.spec_from_file_location("busprobe.recorder", _SOURCE)
assert _spec and _spec.loader
recorder = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recorder)
