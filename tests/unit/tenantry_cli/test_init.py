import re

import pytest
import yaml

from tenantry_cli.commands.init import render
from tenantry_cli.errors import UsageError
from tenantry_cli.lint.files import lint


def test_the_file_is_valid_as_it_is_and_names_what_was_asked_for() -> None:
    text = render("helpdesk", "team-b")

    assert lint({"gateway.yaml": text}).findings == []
    assert yaml.safe_load(text)["metadata"] == {"name": "helpdesk", "namespace": "team-b"}
    assert "@" not in text


def test_the_file_is_valid_with_every_option_in_use() -> None:
    text = re.sub(r"(?m)^#-", "", render("helpdesk", "team-b"))

    report = lint({"gateway.yaml": text})

    assert report.findings == []
    assert report.checked == 2


def test_each_option_is_valid_by_itself() -> None:
    lines = render("helpdesk", "team-b").partition("#----")[0].splitlines()
    blocks = [index for index, one in enumerate(lines) if re.match(r"#-  \w", one) and "defaultAgent" not in one]
    assert len(blocks) >= 7
    for start in blocks:
        end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith("#-   ")), len(lines))
        chosen = [one[2:] if start <= index < end else one for index, one in enumerate(lines)]
        errors = [one.message for one in lint({"f": "\n".join(chosen)}).errors]
        assert errors == [] or "agentId must be one of" in errors[0], "bindings name an agent that is an option, too"


@pytest.mark.parametrize("word", ["on", "y", "null", "1", "0x1f", "1e3", "010", "a"])
def test_names_that_yaml_takes_for_something_else_are_quoted(word: str) -> None:
    text = render(word if word[0].isalpha() else "a", word)

    assert lint({"gateway.yaml": text}).findings == []
    assert lint({"gateway.yaml": re.sub(r"(?m)^#-", "", text)}).findings == []


@pytest.mark.parametrize("name", ["", "A", "1a", "a-", "a" * 41, "a.b", "a\nb"])
def test_a_name_that_the_api_server_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        render(name, "team-b")


@pytest.mark.parametrize("namespace", ["", "A", "a-", "a" * 64, "a.b", "a: b"])
def test_a_namespace_that_cannot_be_is_refused(namespace: str) -> None:
    with pytest.raises(UsageError):
        render("a", namespace)
