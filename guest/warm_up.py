"""Run in the guest before the snapshot: what jobs import is compiled and in memory afterwards."""

from importlib import import_module

for name in ("array", "ctypes", "json", "mmap", "os", "struct", "sys", "typing"):
    import_module(name)
