"""Values: what is refused and by which name, what null does, and whose labels win."""

import copy
import json
from typing import Any

import pytest
import yaml

from dev import charts
from dev.errors import DevError
from tests.integration.chart_values import EVERYTHING

REFUSAL = "values don't meet the specifications of the schema"


def sections(values: dict[str, Any] | None = None, path: str = "") -> list[tuple[str, Any]]:
    """Every value and where it is, such as ``image.tag``; what has no values inside is no section."""
    found = yaml.safe_load((charts.OPERATOR / "values.yaml").read_text()) if values is None else values
    places = [(f"{path}.{key}".lstrip("."), value) for key, value in found.items()]
    inside = [each for place, value in places if isinstance(value, dict) for each in sections(value, place)]
    return [*places, *inside]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"replcas": 2}, "'replcas' not allowed"),
        ({"replicas": "two"}, "at '/replicas'"),
        ({"maxRollouts": 0}, "at '/maxRollouts'"),
        ({"logLevel": "verbose"}, "at '/logLevel'"),
        ({"image": {"digest": "sha256:1"}}, "at '/image/digest'"),
        ({"defaultGatewayImage": {"tag": "a b"}}, "at '/defaultGatewayImage/tag'"),
        ({"scope": {"namespaces": ["Team A"]}}, "at '/scope/namespaces/0'"),
        ({"podLabels": {"app.kubernetes.io/name": "x"}}, "at '/podLabels/app.kubernetes.io"),
        ({"metrics": {"prometheusRule": {"gateways": "yes"}}}, "at '/metrics/prometheusRule/gateways'"),
        ({"admissionPolicy": {"namespaces": {"Team A": {}}}}, "'Team A' not allowed"),
        ({"admissionPolicy": {"namespaces": {"team-a": {"allowedModel": []}}}}, "'allowedModel' not allowed"),
        ({"admissionPolicy": {"allowedModels": ["a\nb"]}}, "at '/admissionPolicy/allowedModels/0'"),
        (
            {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
            "metrics.serviceMonitor.enabled needs metrics.service.enabled",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DevError) as refusal:
        charts.render(charts.OPERATOR, values)

    assert complaint in str(refusal.value)


def test_every_value_that_the_schema_knows_has_a_default_and_the_other_way_round() -> None:
    schema = json.loads((charts.OPERATOR / "values.schema.json").read_text())
    values = yaml.safe_load((charts.OPERATOR / "values.yaml").read_text())

    assert known_paths(schema) - {".global"} == given_paths(values, schema)


@pytest.mark.parametrize("path", ["", *(path for path, value in sections() if value and isinstance(value, dict))])
def test_null_takes_a_value_away_or_is_refused_by_its_name_and_breaks_no_template(path: str) -> None:
    """All values of a section at once: those that are refused are named, and without the others it renders."""
    keys = [key for place, _ in sections() for parent, _, key in [place.rpartition(".")] if parent == path]
    said = refusal_of_null(path, keys)
    named = [key for key in keys if f"'{key}'" in said]
    rest = [key for key in keys if key not in named]

    assert (REFUSAL in said) if named else (said == "")
    assert refusal_of_null(path, rest) == ""


@pytest.mark.parametrize("key", ["image", "replicas", "maxRollouts", "scope", "metrics", "network"])
def test_what_templates_need_cannot_be_taken_away(key: str) -> None:
    with pytest.raises(DevError, match=f"missing property '{key}'"):
        charts.render(charts.OPERATOR, {key: None})


def test_what_users_say_of_labels_and_annotations_wins_where_nothing_selects_by_it() -> None:
    label = {"app.kubernetes.io/name": "mine", "helm.sh/chart": "mine"}
    container = "kubectl.kubernetes.io/default-container"
    monitoring = {
        name: {"enabled": True, "labels": label} for name in ("serviceMonitor", "prometheusRule", "dashboard")
    }
    manifests = charts.render(
        charts.OPERATOR, {"podAnnotations": {container: "sidecar"}, "metrics": {"service": {}, **monitoring}}
    )

    labelled = [one["kind"] for one in manifests if one["metadata"]["labels"].items() >= label.items()]
    assert sorted(labelled) == ["ConfigMap", "PrometheusRule", "PrometheusRule", "ServiceMonitor"]
    (pod,) = (one["spec"]["template"] for one in manifests if one["kind"] == "Deployment")
    assert pod["metadata"]["annotations"] == {container: "sidecar"}


def refusal_of_null(path: str, keys: list[str]) -> str:
    """What Helm says to a chart that otherwise does everything, with these values of a section null."""
    values = copy.deepcopy(EVERYTHING)
    place = values
    for key in path.split(".") if path else ():
        place = place.setdefault(key, {})
    place.update(dict.fromkeys(keys))
    try:
        manifests = charts.render(charts.OPERATOR, values)
    except DevError as error:
        return str(error)
    labels = [value for one in manifests for value in one["metadata"]["labels"].values()]
    return "" if all(isinstance(label, str) for label in labels) else "a label is no text"


def known_paths(schema: dict[str, Any], path: str = "") -> set[str]:
    """Every property that a schema names."""
    properties = schema.get("properties", {})
    return {f"{path}.{key}" for key in properties}.union(
        *(known_paths(child, f"{path}.{key}") for key, child in properties.items())
    )


def given_paths(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> set[str]:
    """Every value, down to where the schema names no properties."""
    named = schema.get("properties", {})
    found = {f"{path}.{key}" for key in values} if named else set()
    for key, value in values.items():
        if isinstance(value, dict):
            found |= given_paths(value, named.get(key, {}), f"{path}.{key}")
    return found
