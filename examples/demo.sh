#!/usr/bin/env bash
# What Python puts on the bus on this machine, and the exact way beside it.
set -euo pipefail
cd "$(dirname "$0")/.."

window=$(mktemp)
trap 'rm -f "$window"' EXIT
truncate -s 4K "$window"

echo "One slice assignment of four words, mv32[0:4] = data (examples/seed.py):"
echo
busprobe trace --watch "$window" -- python3 examples/seed.py "$window" 4
echo
echo "Blocks of N words from this machine's Python, in several ways:"
echo
busprobe sweep --on native

echo
if libc=$(python3 -m guest path libc6 2>&1); then
    echo "The same from a Cortex-A57: the code of Debian's arm64 C library, in the lab. The question"
    echo "that began this (on Stack Overflow) counted 2 writes for 1 word, 4 for 2, 8 for 4, 8 for 8,"
    echo "16 for 16, 32 for 32, 68 for 64, 132 for 128, 244 for 230 and 260 for 256, in QEMU:"
    echo
    symbols=$(python3 -m guest path libc6-dbg 2>/dev/null || true)
    busprobe sweep --on lab --libc "$libc" ${symbols:+--symbols "$symbols"} --unaligned bytes
else
    echo "No table of a Cortex-A57: ${libc%%$'\n'*}"
fi
