"""The chart's optional policy: what a tenant with the role edit may choose, hostile values included."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev import charts
from dev.kubectl import Kubectl, KubectlError
from tests.integration.operator_harness import Manifest, eventually, gateway

TENANT = "--as=tenant"
REFUSED = "denied request"
POLICY = "validatingadmissionpolicy"

IMAGES = "registry.example.com/platform/*\nregistry.example.com/exact/gateway\n# registry.example.com/not/*\n\n"
MODELS = "claude-sonnet-*\n  claude-opus-4  \n"
BASE_URLS = """https://proxy.example.com
https://ai.example.com:8443/team/v1
http://stand-in.models.svc:8080
https://*.wild.example.com
"""


@pytest.fixture(scope="module")
def policy(installed: Kubectl) -> Iterator[Kubectl]:
    """The API server with the policy; every test sets the parameters that it is about."""
    installed.apply(*delivered())
    eventually(lambda: checked(installed, "tenantry-gateways"))
    yield installed
    installed.run("delete", "-f", "-", stdin=yaml.safe_dump_all(delivered()))
    # The API server goes on refusing for a moment: its parameters are gone before it has heard of the policy's end.
    probe = json.dumps(gateway("probe", "default"))
    for _ in range(3):
        eventually(lambda: installed.run("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=probe))


@pytest.fixture
def home(policy: Kubectl, namespace: str) -> str:
    """A namespace where ``tenant`` has the role edit."""
    policy.run("-n", namespace, "create", "rolebinding", "tenant", "--clusterrole=edit", "--user=tenant")
    parameters(policy)
    eventually(lambda: refusal(policy, gateway("probe", namespace)) is None or None)
    return namespace


def delivered() -> list[Manifest]:
    """The policy as the chart delivers it."""
    manifests = charts.render(charts.OPERATOR, {"admissionPolicy": {"enabled": True}})
    return [one for one in manifests if one["metadata"]["labels"]["app.kubernetes.io/name"] == "tenantry-policy"]


def checked(kubectl: Kubectl, name: str) -> Manifest | None:
    """The policy once the API server has checked its types."""
    live = kubectl.get(POLICY, name, "default")
    status: Manifest = live.get("status", {})
    return status if status.get("observedGeneration") == live["metadata"]["generation"] else None


def parameters(kubectl: Kubectl, **data: str) -> None:
    """Set the parameters, and no others."""
    before = kubectl.get("configmap", "tenantry-policy", "tenantry-system").get("data", {})
    wanted = {**dict.fromkeys(before), **data}
    patch = json.dumps({"data": wanted})
    kubectl.run("-n", "tenantry-system", "patch", "configmap", "tenantry-policy", "--type=merge", "-p", patch)


def write(kubectl: Kubectl, manifest: Manifest, *, dry: bool = True) -> None:
    """Apply as the tenant."""
    flags = ["--dry-run=server"] if dry else []
    kubectl.run(TENANT, "apply", "--server-side", "--force-conflicts", *flags, "-f", "-", stdin=json.dumps(manifest))


def refusal(kubectl: Kubectl, manifest: Manifest, *, dry: bool = True) -> str | None:
    """What the API server says to the tenant; None where it accepts."""
    try:
        write(kubectl, manifest, dry=dry)
    except KubectlError as error:
        return str(error)
    return None


def in_force(kubectl: Kubectl, offending: Manifest) -> str:
    """Wait until changed parameters count: until what they forbid is refused."""
    return eventually(lambda: refusal(kubectl, offending))


def with_image(namespace: str, repository: str, **more: str) -> Manifest:
    return gateway("a", namespace, image={"repository": repository, "tag": "1", **more})


def with_model(namespace: str, *models: str) -> Manifest:
    agents = {"main" if index == 0 else f"agent-{index}": {"model": model} for index, model in enumerate(models)}
    return gateway("a", namespace, agents=agents)


def with_base_url(namespace: str, url: str) -> Manifest:
    return gateway("a", namespace, provider={"apiKeySecretRef": {"name": "anthropic"}, "baseURL": url})


def test_the_policy_is_well_typed_and_the_check_would_notice(policy: Kubectl) -> None:
    assert checked(policy, "tenantry-gateways") is not None
    assert policy.get(POLICY, "tenantry-gateways", "default")["status"]["typeChecking"] == {}

    text = json.dumps(policy.get(POLICY, "tenantry-gateways", "default")["spec"])
    broken = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "broken"},
        "spec": json.loads(text.replace("object.spec.provider", "object.spec.provder")),
    }
    policy.apply(broken)
    try:
        warnings = eventually(lambda: (checked(policy, "broken") or {}).get("typeChecking"))
        assert "undefined field 'provder'" in json.dumps(warnings)
    finally:
        policy.run("delete", POLICY, "broken")


def test_without_parameters_nothing_is_restricted(policy: Kubectl, home: str) -> None:
    for each in (
        with_image(home, "anything/goes"),
        with_model(home, "any-model"),
        with_base_url(home, "http://anywhere:1/x"),
    ):
        assert refusal(policy, each) is None


@pytest.fixture
def images(policy: Kubectl, home: str) -> str:
    parameters(policy, allowedImages=IMAGES, contact="platform@example.com\nor #help-platform")
    in_force(policy, with_image(home, "evil/x"))
    return home


def test_an_image_that_is_not_allowed_is_refused_with_what_is_and_whom_to_ask(policy: Kubectl, images: str) -> None:
    said = refusal(policy, with_image(images, "evil/x"))

    assert said is not None
    assert f'spec.image.repository "evil/x" is not allowed in namespace {images}' in said
    assert "allowed: registry.example.com/platform/*, registry.example.com/exact/gateway." in said
    assert "Ask platform@example.com, or #help-platform." in said


HOSTILE_IMAGES = [
    "registry.example.com/platform-evil/x",
    "registry.example.com/platform",
    "registry.example.com/exact/gateway-evil",
    "registry.example.com/exact/gateway/below",
    "registry.example.com.evil.com/platform/x",
    "evil.com/registry.example.com/platform/x",
    "registry.example.com:5000/platform/x",
    "REGISTRY.example.com/platform/x",
    "registry.example.com/not/x",
    "platform/x",
]


def test_an_image_that_only_looks_allowed_is_refused(policy: Kubectl, images: str) -> None:
    accepted = [each for each in HOSTILE_IMAGES if REFUSED not in (refusal(policy, with_image(images, each)) or "")]

    assert accepted == []


def test_images_that_are_allowed_and_the_default_are_accepted(policy: Kubectl, images: str) -> None:
    for repository in (
        "registry.example.com/platform/gateway",
        "registry.example.com/platform/deep/er",
        "registry.example.com/exact/gateway",
    ):
        assert refusal(policy, with_image(images, repository)) is None
    assert refusal(policy, gateway("a", images)) is None
    assert refusal(policy, gateway("a", images, image={"tag": "2"})) is None


def test_models_are_compared_whole_or_by_their_beginning(policy: Kubectl, home: str) -> None:
    parameters(policy, allowedModels=MODELS)
    said = in_force(policy, with_model(home, "gpt"))

    assert 'spec.agents.main.model "gpt" is not allowed' in said
    assert "allowed: claude-sonnet-*, claude-opus-4. Ask your platform team." in said
    for good in ("claude-sonnet-4-20250514", "claude-sonnet-", "claude-opus-4"):
        assert refusal(policy, with_model(home, good)) is None
    for bad in ("claude-opus-4-1", "Claude-sonnet-4", "claude-sonnet", "x-claude-sonnet-4", "claude-opus"):
        assert REFUSED in (refusal(policy, with_model(home, bad)) or "accepted")
    hidden = refusal(policy, with_model(home, "claude-opus-4", "gpt", "gpt")) or ""
    assert re.search(r'spec\.agents\.agent-[12]\.model "gpt"', hidden)  # CEL takes a map's keys in any order.
    assert "nor are those of 1 other agents" in hidden


@pytest.fixture
def base_urls(policy: Kubectl, home: str) -> str:
    parameters(policy, allowedBaseURLs=BASE_URLS)
    said = in_force(policy, with_base_url(home, "https://evil.com"))
    assert 'spec.provider.baseURL "https://evil.com" is not allowed' in said
    return home


HOSTILE_URLS = [
    "https://proxy.example.com.evil.com",
    "https://evil.com/proxy.example.com",
    "https://evil.com/https://proxy.example.com",
    "https://proxy.example.com:8443",
    "https://proxy.example.com.",
    "https://xproxy.example.com",
    "https://example.com",
    "http://proxy.example.com",
    "http://proxy.example.com:443",
    "https://proxy.example.com@evil.com",
    "https://evil.com#proxy.example.com",
    "https://evil.com?proxy.example.com",
    "https://evil.com\\\\@proxy.example.com",
    "https://ai.example.com:8443",
    "https://ai.example.com:8443/team",
    "https://ai.example.com:8443/team/v10",
    "https://ai.example.com:8443/team/v1/../../other",
    "https://ai.example.com:8443/team/v1/%2e%2e/%2e%2e/other",
    "https://ai.example.com/team/v1",
    "https://stand-in.models.svc:8080",
    "http://stand-in.models.svc",
    "http://stand-in.models.svc.evil.com:8080",
    "https://wild.example.com",
    "https://evil-wild.example.com",
    "https://x.wild.example.com.evil.com",
    "https://evil.com,x.wild.example.com",
    "https://evil.com;x.wild.example.com",
    "https://[::1]",
    "https://*.wild.example.com",
]


def test_a_base_url_that_only_looks_allowed_is_refused(policy: Kubectl, base_urls: str) -> None:
    assert [each for each in HOSTILE_URLS if refusal(policy, with_base_url(base_urls, each)) is None] == []


GOOD_URLS = [
    "https://proxy.example.com",
    "https://proxy.example.com/",
    "https://proxy.example.com:443/any/path",
    "https://PROXY.example.com",
    "https://ai.example.com:8443/team/v1",
    "https://ai.example.com:8443/team/v1/",
    "https://ai.example.com:8443/team/v1/deeper",
    "http://stand-in.models.svc:8080",
    "https://a.wild.example.com",
    "https://a.b.wild.example.com",
]


def test_a_base_url_that_is_allowed_is_accepted(policy: Kubectl, base_urls: str) -> None:
    assert [each for each in GOOD_URLS if refusal(policy, with_base_url(base_urls, each)) is not None] == []
    assert refusal(policy, gateway("a", base_urls)) is None


def with_route(namespace: str, *hostnames: str, **annotations: str) -> Manifest:
    route = {"parentRefs": [{"name": "edge"}], "hostnames": list(hostnames), "annotations": annotations}
    return gateway("a", namespace, exposure={"httpRoute": {key: value for key, value in route.items() if value}})


def with_ingress(namespace: str, *hosts: str, **annotations: str) -> Manifest:
    ingress = {"hosts": list(hosts), "annotations": annotations}
    return gateway("a", namespace, exposure={"ingress": {key: value for key, value in ingress.items() if value}})


DNS = "external-dns.alpha.kubernetes.io/hostname"
ALIAS = "nginx.ingress.kubernetes.io/server-alias"


def test_hosts_are_compared_label_by_label_wherever_they_are_named(policy: Kubectl, home: str) -> None:
    parameters(policy, allowedHostnames="ai.example.com\n*.team.example.com")
    said = in_force(policy, with_ingress(home, "evil.com"))

    assert 'the host name "evil.com" in spec.exposure is not allowed' in said
    assert "allowed: ai.example.com, *.team.example.com." in said
    good = (
        "ai.example.com",
        "a.team.example.com",
        "a.b.team.example.com",
        "*.team.example.com",
        "*.a.team.example.com",
    )
    for make in (with_route, with_ingress):
        assert refusal(policy, make(home, *good)) is None
        hostile = (
            "ai.example.com.evil.com",
            "xai.example.com",
            "b.ai.example.com",
            "*.example.com",
            "*.ai.example.com",
            "team.example.com",
            "evil-team.example.com",
            "example.com",
        )
        accepted = [host for host in hostile if REFUSED not in (refusal(policy, make(home, good[0], host)) or "")]
        assert accepted == []
        for value in ("evil.com", "ai.example.com,evil.com", "EVIL.com", "evil.com a.team.example.com", "~^.*$"):
            for key in (DNS, ALIAS):
                assert REFUSED in (refusal(policy, make(home, good[0], **{key: value})) or f"accepted {value}")
        assert refusal(policy, make(home, good[0], **{DNS: "AI.example.com, x.team.example.com", "other": "x"})) is None
    assert "must name hosts" in (refusal(policy, with_route(home)) or "accepted")
    assert refusal(policy, gateway("a", home)) is None


def test_hosts_that_a_gateway_has_may_stay(policy: Kubectl, home: str) -> None:
    write(policy, with_ingress(home, "old.com", **{DNS: "dns.old.com"}), dry=False)
    parameters(policy, allowedHostnames="ai.example.com")
    in_force(policy, with_ingress(home, "evil.com"))

    assert refusal(policy, with_ingress(home, "old.com", "ai.example.com", **{DNS: "dns.old.com"})) is None
    assert REFUSED in (refusal(policy, with_ingress(home, "old.com", "older.com")) or "accepted")


def test_priority_classes_are_compared_by_name(policy: Kubectl, home: str) -> None:
    parameters(policy, allowedPriorityClasses="team-low\nteam-high")
    said = in_force(policy, gateway("a", home, priorityClassName="system-cluster-critical"))

    assert 'spec.priorityClassName "system-cluster-critical" is not allowed' in said
    assert "allowed: team-low, team-high." in said
    assert refusal(policy, gateway("a", home, priorityClassName="team-high")) is None
    assert refusal(policy, gateway("a", home)) is None
    assert REFUSED in (refusal(policy, gateway("a", home, priorityClassName="team-higher")) or "accepted")


def test_the_network_policy_cannot_be_turned_off_where_it_is_required(policy: Kubectl, home: str) -> None:
    off = gateway("a", home, networkPolicy={"enabled": False})
    assert refusal(policy, off) is None
    parameters(policy, requireNetworkPolicy="true")

    assert "spec.networkPolicy.enabled must be true" in in_force(policy, off)
    assert refusal(policy, gateway("a", home)) is None
    assert refusal(policy, gateway("a", home, networkPolicy={"enabled": True})) is None
    write(policy, gateway("a", home), dry=False)
    assert REFUSED in (refusal(policy, off) or "accepted")

    parameters(policy, **{"requireNetworkPolicy": "true", f"{home}.requireNetworkPolicy": "false"})
    eventually(lambda: refusal(policy, off) is None or None)
    parameters(policy, requireNetworkPolicy="yes")
    assert "requireNetworkPolicy in ConfigMap" in in_force(policy, gateway("b", home))


def test_what_a_gateway_has_may_stay_but_not_come_anew(policy: Kubectl, home: str) -> None:
    """Or nobody could label, scale or delete it any more once the parameters become narrower."""
    old = gateway("a", home, image={"repository": "old/x", "tag": "1"}, agents={"main": {"model": "old"}})
    write(policy, old, dry=False)
    parameters(policy, allowedImages=IMAGES, allowedModels=MODELS)
    in_force(policy, with_image(home, "evil/x"))

    policy.run(TENANT, "-n", home, "label", "tgw", "a", "touched=1")
    assert refusal(policy, {**old, "spec": {**old["spec"], "logLevel": "debug"}}) is None
    more = {"main": {"model": "old", "maxTokens": 9}, "new": {"model": "claude-opus-4"}}
    assert refusal(policy, {**old, "spec": {**old["spec"], "agents": more}}) is None

    copied = {"main": {"model": "old"}, "new": {"model": "old"}}
    assert REFUSED in (refusal(policy, {**old, "spec": {**old["spec"], "agents": copied}}) or "accepted")
    newer = {"repository": "old/x", "tag": "2"}
    assert REFUSED in (refusal(policy, {**old, "spec": {**old["spec"], "image": newer}}) or "accepted")
    policy.run(TENANT, "-n", home, "delete", "tgw", "a")


def test_the_operators_status_and_the_garbage_collector_are_not_held_up(policy: Kubectl, home: str) -> None:
    write(policy, with_image(home, "old/x"), dry=False)
    parameters(policy, allowedImages=IMAGES, oops="x")
    in_force(policy, gateway("b", home))

    operator = "--as=system:serviceaccount:tenantry-system:tenantry-operator"
    head = {"apiVersion": "tenantry.dev/v1alpha1", "kind": "Gateway", "metadata": {"name": "a", "namespace": home}}
    status = json.dumps({**head, "status": {"agents": 1}})
    policy.run(operator, "apply", "--server-side", "--subresource=status", "-f", "-", stdin=status)
    policy.run(TENANT, "-n", home, "delete", "tgw", "a")


def test_a_namespace_may_have_parameters_of_its_own(policy: Kubectl, home: str) -> None:
    parameters(policy, allowedModels="claude-opus-4", **{f"{home}.allowedModels": "special", "x.allowedModels": "*"})
    assert "allowed: special." in in_force(policy, with_model(home, "claude-opus-4"))
    assert refusal(policy, with_model(home, "special")) is None

    parameters(policy, allowedModels="claude-opus-4", **{f"{home}.allowedModels": "*"})
    eventually(lambda: refusal(policy, with_model(home, "anything")) is None or None)


def test_a_tenant_cannot_give_themselves_parameters(policy: Kubectl, home: str) -> None:
    parameters(policy, allowedModels="claude-opus-4")
    in_force(policy, with_model(home, "gpt"))
    data = {"allowedModels": "*", f"{home}.allowedModels": "*"}
    head = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}

    write(policy, {**head, "metadata": {"name": "tenantry-policy", "namespace": home}}, dry=False)
    said = refusal(policy, {**head, "metadata": {"name": "tenantry-policy", "namespace": "tenantry-system"}})

    assert "forbidden" in (said or "accepted")
    assert REFUSED in (refusal(policy, with_model(home, "gpt")) or "accepted")


@pytest.mark.parametrize("key", ["allowedModel", "x.y.allowedModels", "allowedmodels"])
def test_a_misspelt_parameter_opens_no_door(policy: Kubectl, home: str, key: str) -> None:
    parameters(policy, **{key: "claude-opus-4"})

    said = in_force(policy, gateway("a", home))

    assert f"unknown key {key} in ConfigMap tenantry-system/tenantry-policy" in said


def test_a_policy_without_its_parameters_allows_nothing(policy: Kubectl, home: str) -> None:
    policy.run("-n", "tenantry-system", "delete", "configmap", "tenantry-policy")
    try:
        in_force(policy, gateway("a", home))
    finally:
        policy.apply(*delivered())
    eventually(lambda: refusal(policy, gateway("a", home)) is None or None)


def test_a_gateway_and_parameters_at_their_limits_stay_within_the_cost_limits(policy: Kubectl, home: str) -> None:
    entries = [f"claude-{index:0>110}*" for index in range(200)]
    parameters(
        policy,
        allowedModels="\n".join(entries),
        allowedImages="\n".join(f"registry.example.com/{index:0>200}/*" for index in range(200)),
        allowedHostnames="\n".join(f"*.{index:0>60}.example.com" for index in range(200)),
        allowedBaseURLs="\n".join(f"https://host-{index}.example.com/{'p' * 200}" for index in range(200)),
    )
    in_force(policy, with_model(home, "gpt"))
    agents = {f"agent-{index}": {"model": f"{entries[-1][:-1]}-{index}"} for index in range(64)}
    provider = {"apiKeySecretRef": {"name": "a"}, "baseURL": f"https://host-199.example.com/{'p' * 200}/{'x' * 700}"}
    image = {"repository": f"registry.example.com/{199:0>200}/{'y' * 30}", "tag": "1"}
    hosts = [f"host-{index}.{199:0>60}.example.com" for index in range(16)]
    names = {DNS: ",".join(hosts[:12]), ALIAS: ",".join(hosts[:12])}
    route = {"parentRefs": [{"name": "edge"}], "hostnames": hosts, "annotations": names}
    exposure = {"httpRoute": route, "ingress": {"hosts": hosts, "annotations": names}}
    spec: dict[str, Any] = {"agents": agents, "provider": provider, "image": image, "exposure": exposure}

    assert refusal(policy, gateway("a", home, **spec)) is None
