"""examples/argocd holds together: Argo CD's own types read it, and what it names exists."""

import re
from fnmatch import fnmatch
from pathlib import Path

import yaml

from tenantry_operator.conditions import reasons
from tests.integration.gitops_harness import EXAMPLES, run
from tests.integration.operator_harness import ROOT, Manifest

REPOSITORY = "https://git.example.com/REPLACE-ME/tenantry.git"
PAGE = ROOT / "docs/gitops.md"


def documents(*paths: Path) -> list[Manifest]:
    return [each for path in paths for each in yaml.safe_load_all(path.read_text())]


def argo_objects() -> list[Manifest]:
    return documents(EXAMPLES / "root.yaml", *sorted((EXAMPLES / "apps").glob("*.yaml")))


def applications() -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each["spec"] for each in argo_objects() if each["kind"] == "Application"}


def test_argo_cds_own_types_have_every_field() -> None:
    assert len(run("decode", argo_objects())) == len(argo_objects())


def test_each_application_leads_to_a_folder_of_this_repository() -> None:
    for name, spec in applications().items():
        source = spec["source"]
        assert source["repoURL"] == REPOSITORY, name
        assert any((ROOT / source["path"]).glob("*.yaml")), f"{name}: {source['path']} has nothing to sync"
    assert {spec["source"]["path"] for spec in applications().values()} >= {
        f"examples/argocd/teams/{folder.name}" for folder in (EXAMPLES / "teams").iterdir()
    }


def test_the_project_allows_teams_what_they_have_and_nothing_else() -> None:
    [project] = [each["spec"] for each in argo_objects() if each["kind"] == "AppProject"]
    allowed = {(each["group"], each["kind"]) for each in project["namespaceResourceWhitelist"]}
    held = documents(*sorted((EXAMPLES / "teams").glob("*/*.yaml")))
    kinds = {(_group(each["apiVersion"]), each["kind"]) for each in held}

    assert kinds - {("", "Namespace")} == allowed
    assert project["clusterResourceWhitelist"] == [{"group": "", "kind": "Namespace"}]
    assert project["sourceRepos"] == [REPOSITORY]
    [destination] = project["destinations"]
    assert all(fnmatch(each["metadata"].get("namespace", "team-x"), destination["namespace"]) for each in held)


def test_what_is_to_be_replaced_is_replaced_by_the_commands_of_the_page() -> None:
    text = "".join(path.read_text() for path in EXAMPLES.rglob("*.yaml"))
    for pattern, new in re.findall(r"'s#(\S+?)#(\S+?)#'", PAGE.read_text()):
        text = text.replace(pattern, new)

    assert re.findall(r"replace-me", text, re.IGNORECASE) == []


def test_the_page_names_every_reason_that_is_degraded() -> None:
    sentence = re.search(r"is Degraded with the reasons (.*?);", PAGE.read_text(), re.DOTALL)
    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == reasons.STALLED


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
