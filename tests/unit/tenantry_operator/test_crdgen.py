import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenantry_operator import crdgen
from tenantry_operator.api.v1alpha1.gateway import GatewaySpec

CRDS = {kind.name: crdgen.crd(kind) for kind in crdgen.KINDS}


def schemas(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema below and including ``node``, with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from schemas(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from schemas(node[key], f"{path}[]")


def everything(kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(schemas(CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))


def test_the_files_in_the_repository_are_current() -> None:
    assert crdgen.check(crdgen.ROOT) == ""


def test_generating_twice_gives_the_same_bytes() -> None:
    assert dict(crdgen.generated_files()) == dict(crdgen.generated_files())


def test_check_tells_a_stale_file_by_a_diff_and_writing_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crdgen.main(["--root", str(tmp_path)]) == 0
    stale = tmp_path / "crds" / "tenantry.dev_gateways.yaml"
    stale.write_text(stale.read_text().replace("tgw", "tgx"))

    assert crdgen.main(["--check", "--root", str(tmp_path)]) == 1
    assert "-    - tgx\n+    - tgw\n" in capsys.readouterr().err
    assert crdgen.main(["--root", str(tmp_path)]) == 0
    assert crdgen.main(["--check", "--root", str(tmp_path)]) == 0


def test_the_chart_holds_the_same_definitions_and_keeps_them_when_it_is_uninstalled() -> None:
    files = dict(crdgen.generated_files())
    for path, content in files.items():
        if not path.startswith("crds/"):
            continue
        packaged = yaml.safe_load(files[f"charts/tenantry-crds/templates/{Path(path).name}"])
        assert packaged["metadata"].pop("annotations") == crdgen.KEPT
        assert packaged == yaml.safe_load(content)


def test_nothing_generated_looks_like_a_template_to_helm_flux_or_envsubst() -> None:
    for path, content in crdgen.generated_files():
        if not path.endswith(".yaml"):
            continue
        assert "{{" not in content
        assert "${" not in content


def test_what_looks_like_a_template_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must not hold \$\{"):
        crdgen.to_yaml({"description": "like ${channel}"})


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_field_has_a_description(kind: str) -> None:
    assert [path for path, node in everything(kind) if not node.get("description")] == [".metadata", ".metadata.name"]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_string_list_and_map_is_bounded(kind: str) -> None:
    unbounded = [
        path
        for path, node in everything(kind)
        if (node.get("type", "string") == "string" and not {"maxLength", "enum", "format"} & set(node))
        or (node.get("type") == "array" and "maxItems" not in node)
        or ("additionalProperties" in node and "maxProperties" not in node)
    ]

    assert unbounded == [".apiVersion", ".kind", ".metadata.name"]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_object_with_nested_defaults_defaults_itself_unless_it_is_required(kind: str) -> None:
    for path, node in everything(kind):
        for name, child in node.get("properties", {}).items():
            defaults = [grandchild for grandchild in child.get("properties", {}).values() if "default" in grandchild]
            if defaults and "default" not in child:
                assert name in node.get("required", ()) or child.get("required"), f"{path}.{name}"


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_rule_says_what_to_do(kind: str) -> None:
    rules = [rule for _, node in everything(kind) for rule in node.get("x-kubernetes-validations", ())]

    assert rules
    assert all(rule["message"] for rule in rules)


def test_a_definition_fits_into_the_annotation_of_a_client_side_apply() -> None:
    for path, content in crdgen.generated_files():
        if not path.endswith(".yaml"):
            continue
        compact = json.dumps(yaml.safe_load(content), separators=(",", ":"))
        assert len(compact.encode()) < 262_144 / 2, path


def test_names_are_those_of_the_documentation() -> None:
    names = {kind: definition["spec"]["names"] for kind, definition in CRDS.items()}

    assert {kind: (one["plural"], one["shortNames"], one["categories"]) for kind, one in names.items()} == {
        "Gateway": ("gateways", ["tgw"], ["tenantry"]),
        "AgentBinding": ("agentbindings", ["tab"], ["tenantry"]),
    }


def test_columns_are_those_of_the_documentation() -> None:
    def columns(kind: str, *, wide: bool) -> list[str]:
        version = CRDS[kind]["spec"]["versions"][0]
        return [one["name"] for one in version["additionalPrinterColumns"] if ("priority" in one) == wide]

    assert columns("Gateway", wide=False) == ["Ready", "Reason", "Replicas", "Agents", "Bindings", "Endpoint", "Age"]
    assert columns("Gateway", wide=True) == ["Image", "Config", "Message"]
    assert columns("AgentBinding", wide=False) == [
        "Gateway",
        "Agent",
        "Channel",
        "Accepted",
        "Programmed",
        "Reason",
        "Age",
    ]


def test_no_default_is_written_into_a_list_where_gitops_tools_would_see_it_as_drift() -> None:
    items = [node["items"] for kind in CRDS for _, node in everything(kind) if "items" in node]

    assert items
    assert [below for item in items for _, below in schemas(item) if "default" in below] == []


def test_the_schema_and_the_parser_know_the_same_fields() -> None:
    schema = CRDS["Gateway"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    assert set(schema["properties"]) == {field.alias for field in GatewaySpec.model_fields.values()}


def test_kustomize_installs_every_definition() -> None:
    kustomization = yaml.safe_load((crdgen.ROOT / "crds" / "Kustomization").read_text())

    assert [f"crds/{name}" for name in sorted(kustomization["resources"])] == sorted(
        path for path, _ in crdgen.generated_files() if path.startswith("crds/")
    )
