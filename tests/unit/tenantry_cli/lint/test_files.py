from textwrap import dedent

import pytest

from tenantry_cli.lint.files import Report, lint

GATEWAY = """\
apiVersion: tenantry.dev/v1alpha1
kind: Gateway
metadata:
  name: assistants
  namespace: team-a
spec:
  provider:
    apiKeySecretRef:
      name: anthropic
  agents:
    main:
      model: claude
"""
BINDING = """\
apiVersion: tenantry.dev/v1alpha1
kind: AgentBinding
metadata:
  name: pager
  namespace: team-a
spec:
  gatewayRef:
    name: assistants
  agentId: main
  match:
    channel: webhook
"""


def said(report: Report) -> list[str]:
    return [f"{one.file}:{one.line}: {one.severity}: {one.message}" for one in report.findings]


def test_valid_objects_give_no_findings_and_other_kinds_are_counted() -> None:
    report = lint({"a.yaml": f"{GATEWAY}---\n{BINDING}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: x}}\n"})

    assert said(report) == []
    assert (report.checked, report.skipped) == (2, ["Namespace x"])


def test_an_error_has_its_file_and_line_and_the_servers_words() -> None:
    text = GATEWAY + "  terminationGracePeriodSeconds: 3\n"

    assert said(lint({"a.yaml": text})) == [
        "a.yaml:13: error: spec.terminationGracePeriodSeconds: Invalid value: 3: "
        "spec.terminationGracePeriodSeconds in body should be greater than or equal to 30"
    ]


def test_an_unknown_field_comes_with_the_nearest_known_one_and_everything_else_is_still_checked() -> None:
    text = GATEWAY.replace("agents:", "agent:") + "  nodeSelektor: {}\n  terminationGracePeriodSeconds: 3\n"

    found = said(lint({"a.yaml": text}))

    assert found[0] == "a.yaml:6: error: spec.agents: Required value"
    assert 'a.yaml:10: error: unknown field "spec.agent" (did you mean "agents"?)' in found
    assert 'a.yaml:13: error: unknown field "spec.nodeSelektor" (did you mean "nodeSelector"?)' in found
    assert any("spec.terminationGracePeriodSeconds" in one for one in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GATEWAY.replace("Gateway", "Gatway", 1), '2: error: kind: no kind "Gatway" in tenantry.dev/v1alpha1 '),
        (BINDING.replace("AgentBinding", "Binding"), "(did you mean AgentBinding?)"),
        (GATEWAY.replace("v1alpha1", "v1alpha"), 'no version "tenantry.dev/v1alpha" (did you mean "tenantry.dev/v1al'),
        (GATEWAY.replace("tenantry.dev", "tenentry.dev"), "1: error: apiVersion: no version"),
        (BINDING.replace("tenantry.dev/v1alpha1", "v1"), "1: error: apiVersion: no version"),
        (GATEWAY.replace("kind: Gateway\n", ""), "error: kind: Required value"),
        ("- a\n", "no Kubernetes object"),
        ("just text\n", "no Kubernetes object"),
        ("a: 1\n", "note: no Gateway and no AgentBinding in it"),
    ],
)
def test_what_is_nearly_ours_is_not_skipped(text: str, message: str) -> None:
    assert message in "\n".join(said(lint({"a.yaml": text})))


def test_a_gateway_of_kubernetes_gateway_api_is_not_taken_for_ours() -> None:
    report = lint({"a.yaml": GATEWAY.replace("tenantry.dev/v1alpha1", "gateway.networking.k8s.io/v1")})

    assert report.errors == []
    assert report.skipped == ["Gateway team-a/assistants"]


def test_a_binding_is_compared_with_its_gateway_in_whichever_file_it_is() -> None:
    wrong = BINDING.replace("agentId: main", "agentId: mian")

    assert said(lint({"a.yaml": GATEWAY, "b.yaml": wrong})) == [
        'b.yaml:9: error: spec.agentId: Gateway team-a/assistants has no agent "mian" (did you mean "main"?)'
    ]
    assert said(lint({"b.yaml": BINDING})) == [
        "b.yaml:7: note: spec.gatewayRef: Gateway team-a/assistants is not in these files, so its agents were not "
        "compared"
    ]
    assert lint({"b.yaml": BINDING}).errors == []


def test_objects_without_a_namespace_are_in_the_one_that_is_named() -> None:
    bare = GATEWAY.replace("  namespace: team-a\n", "")

    assert said(lint({"a.yaml": bare, "b.yaml": BINDING}, namespace="team-a")) == []
    assert "not in these files" in said(lint({"a.yaml": bare, "b.yaml": BINDING}))[0]


def test_an_object_that_is_there_twice_is_an_error_that_names_the_other() -> None:
    assert said(lint({"a.yaml": GATEWAY, "b.yaml": "\n" + GATEWAY})) == [
        "b.yaml:5: error: Gateway team-a/assistants is there twice: a.yaml:1 has it, too"
    ]


def test_items_of_a_list_are_checked_each_with_its_line() -> None:
    items = "".join(f"- {dedent(one)}".replace("\n", "\n  ").rstrip() + "\n" for one in (GATEWAY, BINDING))
    text = "apiVersion: v1\nkind: List\nitems:\n" + items.replace("agentId: main", "agentId: other")

    found = said(lint({"a.yaml": text}))

    assert found == [
        'a.yaml:24: error: spec.agentId: Gateway team-a/assistants has no agent "other" (its agents: main)'
    ]


def test_a_broken_file_does_not_hide_the_others() -> None:
    found = said(lint({"a.yaml": "a: [", "b.yaml": GATEWAY + "  terminationGracePeriodSeconds: 3\n"}))

    assert [one.partition(" ")[0] for one in found] == ["a.yaml:1:", "b.yaml:13:"]


@pytest.mark.parametrize("text", ["spec: []", "metadata: []", "metadata: {labels: [a]}", "spec: null", "status: 1"])
def test_shapes_that_make_no_sense_are_errors_and_no_crash(text: str) -> None:
    head = "apiVersion: tenantry.dev/v1alpha1\nkind: AgentBinding\n"

    assert lint({"a.yaml": head + text}).errors
