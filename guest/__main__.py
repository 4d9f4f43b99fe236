"""`python3 -m guest`: what the guest is made of, and where."""

import argparse
import sys

from guest.errors import GuestError
from guest.parts import PARTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m guest", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    path = commands.add_parser("path", help="print where a part is, fetching it the first time")
    path.add_argument("part", choices=sorted(PARTS))
    arguments = parser.parse_args()
    try:
        print(PARTS[arguments.part]())
    except GuestError as error:
        print(f"guest: {error}", file=sys.stderr)
        return 2
    return 0


sys.exit(main())
