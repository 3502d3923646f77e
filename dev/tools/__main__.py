"""The tools' command line.

`python -m dev.tools build NAME…` builds tools, `path NAME` prints where one is (built first if need be), `list` lists
them all.
"""

import argparse
import sys

from dev.console import run_command
from dev.tools.build import ensure, tool_path
from dev.tools.catalog import TOOLS, find_tool


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.tools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build tools into the cache").add_argument("names", nargs="+", metavar="NAME")
    commands.add_parser("path", help="print a tool's path").add_argument("name", metavar="NAME")
    commands.add_parser("list", help="list the tools and the names they answer to")
    arguments = parser.parse_args()
    if arguments.command == "build":
        for tool in dict.fromkeys(find_tool(name) for name in arguments.names):
            print(ensure(tool))
    elif arguments.command == "path":
        print(tool_path(arguments.name))
    else:
        for tool in TOOLS.values():
            print(f"{tool.name} {tool.version or '(ours)'}: {', '.join(tool.names)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
