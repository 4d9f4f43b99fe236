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
