"""QEMU's device for teaching (docs/specs/edu.rst there): its registers take 4 and 8 bytes."""

FUNCTION = "/sys/bus/pci/devices/0000:00:02.0"
RESOURCE = f"{FUNCTION}/resource0"
TARGET = "pci:0000:00:02.0/bar0"
LENGTH = 1 << 20

# Its address is not part of a snapshot: it is found anew.
ATTACH = f"""
echo 1 > {FUNCTION}/remove
echo 1 > /sys/bus/pci/rescan
echo 1 > {FUNCTION}/enable
"""
