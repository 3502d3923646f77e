"""The error of the development tools: its text is one line that says what is wrong and what to do."""


class DevError(Exception):
    """A development tool cannot go on."""
