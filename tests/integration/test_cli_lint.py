"""`kubectl tenantry lint` and a real API server have the same opinion of every object, in the same words."""

from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tenantry_cli.lint.objects import problems_of
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY
from tests.integration.dry_run import Answer, DryRun
from tests.integration.lint_corpus import manifests

KINDS = {"Gateway": GATEWAY, "AgentBinding": AGENT_BINDING}
UNCHECKED = "some validation rules were not checked"


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, installed: Kubectl) -> Iterator[DryRun]:  # noqa: ARG001 - the definitions
    with DryRun(control_plane.kubeconfig) as connection:
        yield connection


def said_by_the_server(answer: Answer) -> set[str]:
    """Field and message of each cause, without the remark that rules come later."""
    causes = answer.body.get("details", {}).get("causes", ())
    found = {f"{one['field']}: {one['message']}" for one in causes if UNCHECKED not in one["message"]}
    return found if causes else {answer.message}


def said_by_lint(manifest: dict[str, Any]) -> set[str]:
    found = problems_of(manifest)
    unknown = [one.message for one in found if one.message.startswith("unknown field")]
    if unknown:
        return set(unknown)
    return {f"{one.field}: {one.message}" for one in found}


def test_lint_accepts_what_the_api_server_accepts_and_refuses_the_rest_in_its_words(api: DryRun) -> None:
    differences = []
    accepted = refused = 0
    for manifest in manifests():
        answer = api.create(KINDS[manifest["kind"]], manifest)
        ours = said_by_lint(manifest)
        if answer.accepted:
            accepted += 1
            same = not ours
        else:
            refused += 1
            theirs = said_by_the_server(answer)
            strict = next(iter(theirs)) if "strict decoding error" in answer.message else ""
            same = all(one in strict for one in ours) and bool(ours) if strict else ours == theirs
        if not same:
            differences.append((manifest["metadata"], manifest["spec"], answer.message or "accepted", ours))

    assert differences == []
    assert accepted > 80, "the corpus has objects that are taken"
    assert refused > 250, "and many that are refused"
