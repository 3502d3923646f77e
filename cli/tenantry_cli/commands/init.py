"""`init`: a first gateway.yaml, with what a team may want next in comments."""

import re
from importlib.resources import files
from pathlib import Path

from tenantry_cli.console import say
from tenantry_cli.errors import CliError, UsageError
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.lint.documents import read_documents

NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def render(name: str, namespace: str) -> str:
    """The file's text.

    Raises:
        UsageError: where the API server would not take one of the names.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f'"{name}" cannot be a Gateway\'s name: at most 40 lower-case letters, digits and -, a letter first'
        )
    if not NAMESPACE.fullmatch(namespace):
        raise UsageError(f'"{namespace}" cannot be a namespace: at most 63 lower-case letters, digits and -')
    template = files("tenantry_cli").joinpath("gateway.yaml.template").read_text()
    for placeholder, value in (("@NAME@", name), ("@NAMESPACE@", namespace)):
        template = template.replace(f": {placeholder}", f": {_scalar(value)}").replace(placeholder, value)
    return template


def _scalar(text: str) -> str:
    """A string in YAML: `on`, `1` and the like need quotes."""
    document = next(read_documents(text), None)
    return text if document and document.value == text else f'"{text}"'


def run(kubectl: Kubectl, name: str, file: Path | None) -> None:
    """Write the file, or print it where there is none; what exists is never overwritten."""
    text = render(name, _namespace(kubectl))
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise CliError(f"{file} exists and is left as it is; choose another with --file, or --stdout") from error
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}") from error
    say(f"wrote {file}. Next: kubectl tenantry lint {file}, then the steps at its top")


def _namespace(kubectl: Kubectl) -> str:
    """The user's choice, else the context's; a machine without a cluster can begin, too."""
    try:
        return kubectl.default_namespace()
    except CliError:
        return "default"
