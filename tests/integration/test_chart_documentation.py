"""The pages say what the charts grant, ask for and offer."""

import re
from collections import defaultdict

import yaml

from dev import charts
from tests.integration.operator_harness import ROOT, SYSTEM

SECURITY = (ROOT / "docs/security.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """First cell → second cell of each row of the tables under a heading."""
    section = SECURITY.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("|")]
    return {cell[0].strip(): cell[1].strip() for cell in cells if not cell[0].startswith("---")}


def test_the_table_of_the_operators_rights_is_exactly_what_it_is_granted() -> None:
    manifests = charts.render(charts.OPERATOR, {"scope": {"namespaces": ["team-a"]}, "roles": {"create": False}})
    granted: dict[str, set[str]] = defaultdict(set)
    for rule in (rule for manifest in manifests for rule in manifest.get("rules", ())):
        for resource in rule["resources"]:
            granted[resource] |= set(rule["verbs"])

    told: dict[str, set[str]] = {}
    for resources, verbs in rows("What the operator may do, and why").items():
        told |= {name: set(verbs.split(", ")) for name in re.findall(r"`([^`]+)`", resources)}

    assert told == granted


def test_every_parameter_of_the_policy_is_a_value_is_known_to_the_policy_and_on_the_page() -> None:
    values = yaml.safe_load((charts.OPERATOR / "values.yaml").read_text())["admissionPolicy"]
    keys = set(values) - {"enabled", "namespaces"}
    policy = yaml.safe_load((charts.OPERATOR / "files/admission-policy.yaml").read_text())
    known = next(variable["expression"] for variable in policy["variables"] if variable["name"] == "keys")

    assert set(re.findall(r"'(\w+)'", known)) == keys
    assert {key.strip("`") for key in rows("What platform teams can restrict") if key.startswith("`")} == keys
    assert not any(values.values()), "as it is delivered, the policy restricts nothing"


def test_the_policys_parameters_are_where_the_page_says() -> None:
    manifests = charts.render(charts.OPERATOR, {"admissionPolicy": {"enabled": True}})
    (parameters,) = (one for one in manifests if one["kind"] == "ConfigMap")

    assert (parameters["metadata"]["namespace"], parameters["metadata"]["name"]) == (SYSTEM, "tenantry-policy")
    assert parameters["data"] == {"requireNetworkPolicy": "false"}
