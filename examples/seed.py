"""Write a block of 32-bit words to a mapping by slice assignment.

    python3 examples/seed.py WINDOW [WORDS]

The usual way to write a block to a device from Python, on a file instead of
/dev/mem. It looks like one write a word. Run it under `busprobe trace`.
"""

import mmap
import os
import sys

path = sys.argv[1]
words = int(sys.argv[2]) if len(sys.argv) > 2 else 4

fd = os.open(path, os.O_RDWR)
mm = mmap.mmap(fd, 4096)
mv32 = memoryview(mm).cast("I")

data = memoryview(bytearray(x & 255 for x in range(4 * words))).cast("I")
mv32[0 : 0 + len(data)] = data
