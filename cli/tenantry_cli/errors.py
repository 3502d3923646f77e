"""What ends a command: the text that the user reads, and the exit code."""


class CliError(Exception):
    """Something is wrong outside: exit code 1."""

    code = 1


class UsageError(CliError):
    """The command line cannot mean anything: exit code 2."""

    code = 2
