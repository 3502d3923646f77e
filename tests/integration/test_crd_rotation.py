"""spec.auth.rotation on a real API server: what it takes the model takes, what it refuses the model refuses."""

import re
from collections.abc import Mapping

import pytest
import yaml
from pydantic import ValidationError

from dev.kubectl import Kubectl, KubectlError
from tenantry_operator.api.v1alpha1.identity import AuthSpec
from tests.integration.operator_harness import Manifest, gateway

TAKEN: list[Manifest] = [
    {"rotation": {"interval": "720h"}},
    {"rotation": {"overlap": "24h"}},
    {"rotation": {"interval": "10m", "overlap": "1m"}},
    {"rotation": {"interval": "61m"}},
    {"rotation": {"interval": "1h30m15s", "overlap": "90s"}},
    {"rotation": {"interval": "99999h99999m99999s", "overlap": "99999h"}},
]
LONE, BOTH, OWN = "set interval, overlap or both", "no more than two tokens", "rotation is for the generated token"
FORM = "should match"
REFUSED: list[tuple[Manifest, str, str]] = [
    ({"rotation": {}}, "", LONE),
    ({"rotation": {"interval": "599s", "overlap": "1m"}}, ".interval", "interval must be at least 10m"),
    ({"rotation": {"overlap": "59s"}}, ".overlap", "overlap must be at least 1m"),
    ({"rotation": {"interval": "1h"}}, ".overlap", BOTH),
    ({"rotation": {"interval": "24h", "overlap": "1440m"}}, ".overlap", BOTH),
    ({"rotation": {"overlap": "1h"}, "tokenSecretRef": {"name": "own"}}, "", OWN),
    ({"rotation": {"interval": "30d"}}, ".interval", FORM),
    ({"rotation": {"interval": "1.5h"}}, ".interval", FORM),
    ({"rotation": {"interval": "-24h"}}, ".interval", FORM),
    ({"rotation": {"interval": "30m24h"}}, ".interval", FORM),
    ({"rotation": {"interval": "100000h"}}, ".interval", FORM),
    ({"rotation": {"interval": "720"}}, ".interval", FORM),
    ({"rotation": {"interval": ""}}, ".interval", "should be at least 2 chars long"),
    ({"rotation": {"interval": "24h\n"}}, ".interval", FORM),
]


@pytest.fixture(scope="module")
def refusals(installed: Kubectl) -> Mapping[str, str]:
    """What the API server says to each Gateway, by name; they are sent in one go, since kubectl is slow to start."""
    manifests = [gateway(f"refused-{number}", "default", auth=auth) for number, (auth, _, _) in enumerate(REFUSED)]
    with pytest.raises(KubectlError) as said:
        installed.run("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(manifests))
    parts = re.split(r'(?m)^.*?"(refused-\d+)" is invalid: ', str(said.value))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_rotations_are_taken_without_a_warning(installed: Kubectl) -> None:
    manifests = [gateway(f"taken-{number}", "default", auth=auth) for number, auth in enumerate(TAKEN)]

    said = installed.run(
        "create", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=yaml.safe_dump_all(manifests)
    )

    assert said.count("created (server dry run)") == len(TAKEN)


@pytest.mark.parametrize("auth", TAKEN, ids=str)
def test_what_the_api_server_takes_the_model_takes(auth: Manifest) -> None:
    AuthSpec.model_validate(auth)


@pytest.mark.parametrize(("number", "path", "message"), [(n, *row[1:]) for n, row in enumerate(REFUSED)])
def test_a_rotation_that_cannot_be_is_refused_with_its_path_and_what_to_do(
    refusals: Mapping[str, str], number: int, path: str, message: str
) -> None:
    refusal = refusals[f"refused-{number}"]

    assert f"spec.auth.rotation{path}: " in refusal
    assert message in refusal


@pytest.mark.parametrize("auth", [row[0] for row in REFUSED], ids=str)
def test_what_the_api_server_refuses_the_model_refuses(auth: Manifest) -> None:
    with pytest.raises(ValidationError):
        AuthSpec.model_validate(auth)
