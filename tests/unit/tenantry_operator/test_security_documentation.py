"""docs/security.md says what deploy/ grants and what the policy's parameters are."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text()
DEPLOY = ROOT / "deploy"
POLICY = DEPLOY / "policy"


def rows(heading: str) -> dict[str, str]:
    """First cell → second cell of each row of the tables under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("|")]
    return {cell[0].strip(): cell[1].strip() for cell in cells if not cell[0].startswith("---")}


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def test_the_table_of_the_operators_rights_is_exactly_what_it_is_granted() -> None:
    granted: dict[str, set[str]] = defaultdict(set)
    for manifest in (*documents(DEPLOY / "rbac" / "rbac.yaml"), *documents(DEPLOY / "base" / "account.yaml")):
        for rule in manifest.get("rules", ()):
            for resource in rule["resources"]:
                granted[resource] |= set(rule["verbs"])

    told: dict[str, set[str]] = {}
    for resources, verbs in rows("What the operator may do, and why").items():
        told |= {name: set(verbs.split(", ")) for name in re.findall(r"`([^`]+)`", resources)}

    assert told == granted


def test_every_parameter_of_the_policy_is_told_once_in_the_file_in_the_policy_and_on_the_page() -> None:
    (parameters,) = documents(POLICY / "parameters.yaml")
    variables = documents(POLICY / "policy.yaml")[0]["spec"]["variables"]
    known = next(variable["expression"] for variable in variables if variable["name"] == "keys")

    keys = set(parameters["data"])

    assert set(re.findall(r"'(\w+)'", known)) == keys
    assert {key.strip("`") for key in rows("What platform teams can restrict") if key.startswith("`")} == keys
    assert not any(parameters["data"].values()), "as it is delivered, the policy restricts nothing"


def test_links_to_other_pages_lead_somewhere() -> None:
    for name in ("security.md", "concepts.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / "docs" / name).read_text()):
            assert (ROOT / "docs" / target).exists(), f"{name}: {target}"
