from pathlib import Path

import pytest

from tenantry_operator.settings import Address, Settings, SettingsError, parse_settings

POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "HOME": "/"}


def parsed(*argv: str, **env: str) -> Settings:
    return parse_settings(argv, env)


def test_in_a_pod_the_service_account_is_used_and_pods_are_asked_directly() -> None:
    settings = parse_settings([], POD)

    assert settings.kubeconfig is None
    assert settings.direct_pods
    assert settings.gateway_image == "tenantry.dev/gateway:dev"


def test_elsewhere_the_kubeconfig_is_found_as_kubectl_finds_it() -> None:
    assert parsed(HOME="/home/x").kubeconfig == Path("/home/x/.kube/config")
    assert parsed(KUBECONFIG="/etc/k").kubeconfig == Path("/etc/k")
    assert parse_settings(["--kubeconfig", "/etc/flag"], POD).kubeconfig == Path("/etc/flag")
    assert not parsed(KUBECONFIG="/etc/k").direct_pods


def test_the_command_line_beats_the_environment_which_beats_the_default() -> None:
    env = {"TENANTRY_WORKERS": "3", "TENANTRY_GATEWAY_IMAGE": "env:1"}

    assert parse_settings([], env).workers == 3
    assert parse_settings(["run", "--workers", "5"], env).workers == 5
    assert parse_settings(["--gateway-image", "flag:1"], env).gateway_image == "flag:1"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        (":9402", Address("0.0.0.0", 9402)),  # noqa: S104 - the meaning of a leading colon
        ("[::1]:80", Address("::1", 80)),
    ],
)
def test_addresses_are_read(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["8080", "host:", "host:http", "host:70000", ""])
def test_an_address_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="host:port"):
        Address.parse(text)


def test_an_address_is_written_so_that_it_fits_into_a_url() -> None:
    assert str(Address("::", 80)) == "[::]:80"
    assert str(Address("127.0.0.1", 80)) == "127.0.0.1:80"


def test_no_workers_are_refused() -> None:
    with pytest.raises(SettingsError, match="--workers"):
        parsed("--workers", "0")


@pytest.mark.parametrize(
    "env",
    [{"TENANTRY_POD_ACCESS": "sideways"}, {"TENANTRY_LOG_LEVEL": "loud"}, {"TENANTRY_GATEWAY_PULL_POLICY": "Perhaps"}],
)
def test_a_wrong_word_in_the_environment_is_refused_like_one_on_the_command_line(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="choose from"):
        parse_settings([], env)


def test_namespaces_are_a_list_with_commas_and_empty_means_all() -> None:
    assert parsed().namespaces == ()
    assert parsed("--namespaces", "team-a, team-b,team-a,").namespaces == ("team-a", "team-b")
    assert parse_settings([], {"TENANTRY_NAMESPACES": "team-a"}).namespaces == ("team-a",)


@pytest.mark.parametrize("text", ["team_a", "-a", "*", "a b", "x" * 64])
def test_what_cannot_be_a_namespace_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a namespace"):
        parsed(f"--namespaces={text}")


def test_replicas_elect_a_leader_next_to_the_operator_unless_told_that_there_is_one() -> None:
    found = parse_settings([], {"POD_NAME": "op-1", "POD_NAMESPACE": "ops"}).election

    assert found is not None
    assert (found.identity, found.namespace) == ("op-1", "ops")
    assert (found.lease_seconds, found.renew_seconds, found.retry_seconds) == (15, 10, 2)
    elsewhere = parsed("--namespace", "mine").election
    assert elsewhere is not None
    assert elsewhere.namespace == "mine"
    assert elsewhere.identity
    assert parsed().election is not None
    assert parsed("--no-leader-elect").election is None
    assert parse_settings([], {"TENANTRY_LEADER_ELECT": "false"}).election is None
    assert parse_settings(["--leader-elect"], {"TENANTRY_LEADER_ELECT": "false"}).election is not None


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("--lease-seconds", "10"), "--lease-seconds must be above"),
        (("--renew-seconds", "15"), "--lease-seconds must be above"),
        (("--retry-seconds", "0"), "--lease-seconds must be above"),
        (("--namespace", "Not_One"), "is not a namespace"),
    ],
)
def test_times_and_places_of_the_election_that_make_no_sense_are_refused(argv: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parsed(*argv)
