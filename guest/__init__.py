"""A QEMU guest for system tests, built from Debian packages without root and without installing."""
