"""Run in the guest before the snapshot: what jobs import is compiled and in memory afterwards."""

import array  # noqa: F401
import ctypes  # noqa: F401
import json  # noqa: F401
import mmap  # noqa: F401
import os  # noqa: F401
import struct  # noqa: F401
import sys  # noqa: F401
import typing  # noqa: F401
