import base64
import contextlib
import ssl
from pathlib import Path

import pytest
import yaml

from dev.cluster.pki import Authority, Identity
from tenantry_operator.kube import credentials as module
from tenantry_operator.kube.credentials import ConfiguredCredentials, CredentialsError, load_credentials


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account's files as the kubelet mounts them; returns the token's."""
    token, certificate = tmp_path / "token", Authority.create(tmp_path / "pki").certificate
    token.write_text("first\n")
    monkeypatch.setattr(module, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(module, "SERVICE_CERT_FILENAME", str(certificate))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return token


def rotate(account: Path, token: str) -> None:
    account.write_text(token)


def kubeconfig(path: Path, **user: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.usefixtures("account")
async def test_in_a_pod_the_service_account_is_used() -> None:
    found = await load_credentials(None)

    assert found.server == "https://[fd00::1]:443"
    assert found.in_cluster
    assert isinstance(found.ssl_context(), ssl.SSLContext)
    assert (await found.headers())["Authorization"].lower() == "bearer first"


async def test_a_rotated_token_is_read_again(account: Path) -> None:
    found = await load_credentials(None)
    rotate(account, "second")

    await found.reload()

    assert (await found.headers())["Authorization"].lower() == "bearer second"


async def test_outside_a_pod_the_kubeconfig_is_used(tmp_path: Path) -> None:
    found = await load_credentials(kubeconfig(tmp_path / "config", token="t"))

    assert (found.server, found.in_cluster) == ("http://127.0.0.1:1", False)
    assert await found.headers() == {"Authorization": "Bearer t"}
    assert found.ssl_context() is True


async def test_without_a_token_no_header_is_sent(tmp_path: Path) -> None:
    found = await load_credentials(kubeconfig(tmp_path / "config"))

    assert await found.headers() == {}


async def test_a_kubeconfig_of_which_only_a_part_is_written_changes_nothing(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki")
    ours = authority.issue("admin", Identity("admin"))
    encoded = {
        "client-certificate-data": base64.b64encode(ours.certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(ours.key.read_bytes()).decode(),
    }
    for user in ({"token": "first"}, encoded):
        file = kubeconfig(tmp_path / "kubeconfig", **user)
        whole = file.read_text().replace("http:", "https:")
        file.write_text(whole)
        found = await load_credentials(file)
        before, token = state(found), (await found.headers()).get("Authorization", "")
        for size in range(0, len(whole), 7):
            file.write_text(whole[:size])
            with contextlib.suppress(CredentialsError):
                await found.reload()
            assert state(found) == before
            # A part of a token cannot be told from a token.
            assert token.startswith((await found.headers()).get("Authorization", "nothing") if token else "")
        found.ssl_context()


def state(found: ConfiguredCredentials) -> list[str]:
    return [each.strip() for each in found.endpoint()]


async def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"kubeconfig .*absent"):
        await load_credentials(tmp_path / "absent")


async def test_a_pod_without_a_service_account_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(CredentialsError, match="the pod's service account"):
        await load_credentials(None)
