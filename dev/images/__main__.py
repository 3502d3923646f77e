"""``python -m dev.images build [operator gateway standin]``, ``python -m dev.images list``; prints archives' paths."""

from __future__ import annotations

import argparse
import sys

from dev.console import run_command
from dev.images.building import build, cached
from dev.images.catalog import IMAGES


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.images", description="Build the project's container images.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build what is not cached and print the archives' paths")
    building.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(IMAGES)} (default: all)")
    commands.add_parser("list", help="print each image's reference and archive, where it is built")
    arguments = parser.parse_args()
    if arguments.command == "build":
        for archive in build(arguments.images):
            print(archive.path)
        return 0
    for image in IMAGES.values():
        found = cached(image)
        print(f"{image.repository}: not built" if found is None else f"{found.name} {found.path}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
