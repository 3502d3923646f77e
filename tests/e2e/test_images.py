"""What is in the images, read from their archives: no engine is asked."""

import json
import re
import tarfile
from ipaddress import IPv4Address
from pathlib import PurePosixPath

import pytest

from dev.images import Archive, build
from dev.images.catalog import project_version

PRODUCT = ("operator", "gateway")
PACKAGES = {
    "operator": {"tenantry_config", "tenantry_operator"},
    "gateway": {"tenantry_config", "tenantry_gateway"},
}
SCRIPTS = {"operator": {"tenantry-operator"}, "gateway": {"tenantry-gateway", "clawdbot"}}
Files = dict[str, tarfile.TarInfo]


@pytest.fixture(scope="module")
def archives() -> dict[str, Archive]:
    return {archive.image: archive for archive in build()}


@pytest.fixture(scope="module")
def contents(archives: dict[str, Archive]) -> dict[str, Files]:
    return {name: archives[name].files() for name in PRODUCT}


def site_packages(files: Files) -> set[str]:
    """Names of what is installed in the virtual environment."""
    pattern = re.compile(r"/opt/tenantry/lib/python3\.\d+/site-packages/([^/]+)$")
    return {match[1] for path in files if (match := pattern.match(path))}


@pytest.mark.parametrize("name", [*PRODUCT, "standin"])
def test_an_image_runs_as_an_unprivileged_user_with_a_numeric_id(archives: dict[str, Archive], name: str) -> None:
    assert archives[name].config()["config"]["User"] == "65532:65532"


@pytest.mark.parametrize("name", PRODUCT)
def test_an_image_carries_the_oci_annotations(archives: dict[str, Archive], name: str) -> None:
    labels = archives[name].config()["config"]["Labels"]
    found = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert found["title"] == f"tenantry-{name}"
    assert found["version"] == project_version()
    assert found["licenses"] == "Apache-2.0"
    assert {"description", "vendor", "revision", "created", "source", "base.name"} <= found.keys()


@pytest.mark.parametrize(
    ("name", "entrypoint", "command"),
    [
        ("operator", ["tenantry-operator"], None),
        ("gateway", ["tenantry-gateway"], ["run", "--bind", str(IPv4Address(0))]),
        ("standin", ["python", "-m", "dev.anthropic_standin"], None),
    ],
)
def test_an_image_starts_its_program(
    archives: dict[str, Archive], name: str, entrypoint: list[str], command: list[str] | None
) -> None:
    config = archives[name].config()["config"]
    assert config["Entrypoint"] == entrypoint
    assert (config.get("Cmd") or None) == command


@pytest.mark.parametrize("name", PRODUCT)
def test_an_image_writes_no_bytecode_and_buffers_no_logs(archives: dict[str, Archive], name: str) -> None:
    environment = set(archives[name].config()["config"]["Env"])
    assert {"PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"} <= environment


def test_the_gateway_image_serves_the_guides_docker_section(
    archives: dict[str, Archive], contents: dict[str, Files]
) -> None:
    config, files = archives["gateway"].config()["config"], contents["gateway"]
    assert "18789/tcp" in config["ExposedPorts"]
    assert "HOME=/root" in config["Env"]
    assert "/usr/bin/curl" in files
    assert files["/root"].mode & 0o005 == 0o005
    for folder in ("/root/.clawdbot", "/var/lib/tenantry"):
        assert (files[folder].uid, files[folder].gid) == (65532, 65532)


@pytest.mark.parametrize("name", PRODUCT)
def test_an_image_holds_its_own_packages_of_the_project_and_no_others(contents: dict[str, Files], name: str) -> None:
    found = {entry for entry in site_packages(contents[name]) if re.fullmatch(r"tenantry_\w+", entry)}
    assert found == PACKAGES[name]


@pytest.mark.parametrize("name", PRODUCT)
def test_an_image_has_the_console_scripts_of_its_own_packages_only(contents: dict[str, Files], name: str) -> None:
    scripts = {PurePosixPath(path).name for path in contents[name] if path.startswith("/opt/tenantry/bin/")}
    assert scripts & {"tenantry-operator", "tenantry-gateway", "clawdbot"} == SCRIPTS[name]


def test_the_gateway_image_has_no_kubernetes_client_and_the_operator_image_no_anthropic_sdk(
    contents: dict[str, Files],
) -> None:
    assert not {"kubernetes", "kopf"} & site_packages(contents["gateway"])
    assert "anthropic" not in site_packages(contents["operator"])


@pytest.mark.parametrize("name", PRODUCT)
def test_nothing_of_development_is_in_an_image(contents: dict[str, Files], name: str) -> None:
    entries = site_packages(contents[name])
    assert not entries & {"pytest", "hypothesis", "ruff", "mypy", "hatchling", "dev", "tests"}
    assert not [path for path in contents[name] if "standin" in path or path.endswith("/conftest.py")]


@pytest.mark.parametrize("name", PRODUCT)
def test_an_image_has_no_installer_compiler_or_package_cache(contents: dict[str, Files], name: str) -> None:
    tools = re.compile(r"(.*/)?(pip3?|pip3?\.\d+|uv|gcc|cc|make|git)$")
    files = {path: member for path, member in contents[name].items() if not member.isdir()}
    assert [path for path in files if "/bin/" in path and tools.match(path)] == []
    caches = (
        "/root/.cache/",
        "/var/lib/apt/lists/",
        "/var/cache/apt/archives/",
        "/usr/share/python-wheels/",
        "/build/",
    )
    assert [path for path in files if path.startswith(caches) and not path.endswith("/lock")] == []
    assert not site_packages(files) & {"pip", "setuptools", "wheel"}
    assert [path for path in files if "/ensurepip/" in path] == []


@pytest.mark.parametrize("name", PRODUCT)
def test_the_project_is_compiled_so_that_a_read_only_root_costs_no_start_up_time(
    contents: dict[str, Files], name: str
) -> None:
    files = contents[name]
    sources = [PurePosixPath(path) for path in files if path.endswith(".py") and "/site-packages/tenantry_" in path]
    assert sources
    for source in sources:
        compiled = [path for path in files if path.startswith(f"{source.parent}/__pycache__/{source.stem}.cpython-")]
        assert compiled, f"{source} is not compiled"


@pytest.mark.parametrize("name", PRODUCT)
def test_no_file_of_an_image_lends_its_owners_rights(contents: dict[str, Files], name: str) -> None:
    assert [path for path, member in contents[name].items() if member.isfile() and member.mode & 0o6000] == []


@pytest.mark.parametrize("name", [*PRODUCT, "standin"])
def test_an_archive_names_its_image_by_content_and_as_the_development_one(
    archives: dict[str, Archive], name: str
) -> None:
    archive = archives[name]
    with tarfile.open(archive.path) as tar:
        handle = tar.extractfile("manifest.json")
        assert handle is not None
        (manifest,) = json.load(handle)
    assert set(manifest["RepoTags"]) == {archive.name, f"{archive.repository}:dev"}
    assert archive.id == f"sha256:{PurePosixPath(manifest['Config']).stem}"
