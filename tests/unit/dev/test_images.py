"""Building images: what decides whether one is built, by which tool, and what is read from an archive."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.images import Archive, build, builders, building, catalog
from dev.images.archive import image_id, rename
from dev.images.catalog import IMAGES

Layer = Mapping[str, bytes]


def write_tar(files: Layer) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def write_archive(path: Path, *layers: Layer) -> None:
    """A docker-archive with these layers and a configuration that runs as user 1."""
    names = [f"layer{number}.tar" for number in range(len(layers))]
    manifest = [{"Config": "cafe.json", "RepoTags": ["old:tag"], "Layers": names}]
    contents = {name: write_tar(layer) for name, layer in zip(names, layers, strict=True)}
    config = json.dumps({"config": {"User": "1"}}).encode()
    path.write_bytes(write_tar({**contents, "cafe.json": config, "manifest.json": json.dumps(manifest).encode()}))


@dataclass
class FakeBuilder:
    """Writes an empty image and remembers what it was asked for."""

    base: str = builders.PYTHON_IMAGE
    built: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    fails: bool = False

    def build(self, dockerfile: str, names: Sequence[str], arguments: Mapping[str, str], archive: Path) -> None:
        assert {"VERSION", "REVISION", "CREATED"} == arguments.keys()
        self.built.append((dockerfile, tuple(names)))
        archive.write_bytes(b"half")
        if self.fails:
            raise DevError("the build failed")
        write_archive(archive, {})


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with something in every place that an image is built from, and an empty cache."""
    root = tmp_path / "checkout"
    for image in IMAGES.values():
        for source in (image.dockerfile, ".dockerignore", *image.sources):
            path = root / source
            if Path(source).suffix or source.startswith(("Dockerfile", "LICENSE")) or path.name == "Dockerfile":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("x")
            elif source == ".dockerignore":
                path.write_text("*")
            else:
                path.mkdir(parents=True, exist_ok=True)
                (path / "module.py").write_text("x")
    (root / "gateway/tenantry_config/version.py").write_text('__version__ = "1.2.3"\n')
    monkeypatch.setattr(catalog, "ROOT", root)
    monkeypatch.setattr(building, "ROOT", root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return root


@pytest.fixture
def builder(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBuilder:
    assert checkout.is_dir()
    fake = FakeBuilder()
    monkeypatch.setattr(building, "choose_builder", lambda: fake)
    return fake


def test_images_are_built_once_and_then_found(builder: FakeBuilder) -> None:
    first = build()
    assert build() == first
    assert [archive.image for archive in first] == ["operator", "gateway", "standin"]
    assert len(builder.built) == 3


def test_an_image_is_named_by_content_and_as_the_development_one(builder: FakeBuilder) -> None:
    (archive,) = build(["gateway"])
    assert builder.built == [("Dockerfile.gateway", (archive.name, "tenantry.dev/gateway:dev"))]
    assert archive.name == f"tenantry.dev/gateway:{IMAGES['gateway'].key(builders.PYTHON_IMAGE)}"
    assert archive.id == "sha256:cafe"


def test_a_changed_source_builds_its_image_alone_and_removes_the_earlier_archive(
    builder: FakeBuilder, checkout: Path
) -> None:
    operator, gateway, standin = build()
    (checkout / "gateway/tenantry_gateway/module.py").write_text("changed")
    after = build()
    assert [after[0], after[2]] == [operator, standin]
    assert after[1].name != gateway.name
    assert not gateway.path.exists()
    assert after[1].path.exists()
    assert len(builder.built) == 4


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("requirements/operator.txt", {"operator"}),
        ("requirements/build.txt", {"operator", "gateway"}),
        ("gateway/tenantry_config/module.py", {"operator", "gateway"}),
        ("Dockerfile.operator", {"operator"}),
        ("dev/anthropic_standin/module.py", {"standin"}),
        (".dockerignore", {"operator", "gateway", "standin"}),
    ],
)
def test_a_key_changes_with_exactly_what_its_image_is_built_from(
    checkout: Path, source: str, changed: set[str]
) -> None:
    before = {name: image.key("base") for name, image in IMAGES.items()}
    (checkout / source).write_text("changed")
    after = {name: image.key("base") for name, image in IMAGES.items()}
    assert {name for name in IMAGES if before[name] != after[name]} == changed


def test_a_key_changes_with_a_renamed_file_and_with_the_base_but_not_with_bytecode(checkout: Path) -> None:
    image = IMAGES["gateway"]
    before = image.key("base")
    assert image.key("other") != before
    folder = checkout / "gateway/tenantry_gateway"
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/module.pyc").write_bytes(b"x")
    assert image.key("base") == before
    (folder / "module.py").rename(folder / "renamed.py")
    assert image.key("base") != before


def test_an_image_built_upon_the_other_base_is_as_good(builder: FakeBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    builder.base = builders.bases()[1]
    first = build(["operator"])
    monkeypatch.setattr(building, "choose_builder", lambda: pytest.fail("built again"))
    assert build(["operator"]) == first


def test_a_failed_build_leaves_nothing_behind(builder: FakeBuilder, tmp_path: Path) -> None:
    builder.fails = True
    with pytest.raises(DevError, match="the build failed"):
        build(["operator"])
    assert [path.name for path in (tmp_path / "cache/tenantry/images").iterdir()] == ["build.lock"]


def test_an_unknown_image_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DevError, match="no such image: web; there are operator, gateway, standin"):
        build(["web"])


# --- archives ---------------------------------------------------------------------------------------------------------


def test_an_archive_shows_the_files_that_remain_of_all_layers(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    write_archive(
        path,
        {"etc/passwd": b"a", "opt/old/x": b"b", "opt/old/y": b"c", "var/log/z": b"d"},
        {"etc/passwd": b"longer", "opt/.wh.old": b"", "var/log/.wh..wh..opq": b"", "var/log/new": b"e"},
    )
    archive = Archive("image", "repo", "repo:key", image_id(path), path)
    assert {name: member.size for name, member in archive.files().items()} == {"/etc/passwd": 6, "/var/log/new": 1}
    assert archive.config() == {"config": {"User": "1"}}
    assert archive.id == "sha256:cafe"


def test_a_renamed_archive_holds_the_same_image_by_other_names(tmp_path: Path) -> None:
    source, target = tmp_path / "a.tar", tmp_path / "b.tar"
    write_archive(source, {"etc/passwd": b"a"})
    rename(source, target, ["one:1", "two:2"])
    assert Archive("", "", "", "", target).files().keys() == {"/etc/passwd"}
    with tarfile.open(target) as tar:
        handle = tar.extractfile("manifest.json")
        assert handle is not None
        assert json.load(handle)[0]["RepoTags"] == ["one:1", "two:2"]


# --- builders ---------------------------------------------------------------------------------------------------------


@dataclass
class Machine:
    """Which commands there are, and which of their calls succeed."""

    commands: set[str]
    works: set[str] = field(default_factory=set)

    def which(self, command: str) -> str | None:
        return command if command in self.commands else None

    def succeeds(self, command: Sequence[str]) -> bool:
        verb = next(word for word in command if word in {"info", "inspect", "pull", "image"})
        return f"{command[0]} {verb}" in self.works


def choose_on(machine: Machine, monkeypatch: pytest.MonkeyPatch, lacking: str | None = None) -> builders.Builder:
    monkeypatch.setattr("shutil.which", machine.which)
    monkeypatch.setattr(builders, "_succeeds", machine.succeeds)
    monkeypatch.setattr(builders, "missing", lambda: lacking)
    return builders.choose_builder()


def test_docker_is_chosen_where_it_answers_and_can_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine({"docker", "podman", "buildah"}, {"docker info", "docker pull", "podman info", "podman pull"})
    assert choose_on(machine, monkeypatch) == builders.Engine("docker")


def test_a_docker_client_without_an_engine_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine({"docker", "podman"}, {"podman info", "podman image"})
    assert choose_on(machine, monkeypatch) == builders.Engine("podman")


def test_without_a_registry_buildah_builds_upon_a_debian_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine({"docker", "buildah"}, {"docker info"})
    assert choose_on(machine, monkeypatch) == builders.Buildah(builders.bases()[1])


def test_with_a_registry_buildah_builds_upon_the_official_image(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine({"buildah"}, {"buildah pull"})
    assert choose_on(machine, monkeypatch) == builders.Buildah(builders.PYTHON_IMAGE)


def test_a_machine_that_can_build_nothing_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DevError, match="apt-get install buildah debootstrap"):
        choose_on(Machine(set()), monkeypatch)
    with pytest.raises(DevError, match="debootstrap needs root"):
        choose_on(Machine({"buildah"}), monkeypatch, lacking="debootstrap needs root")


def test_an_engine_builds_with_all_names_and_saves_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(builders, "_run", calls.append)
    builders.Engine("podman").build("Dockerfile.x", ["a:1", "a:dev"], {"VERSION": "1"}, tmp_path / "x.tar")
    build_call, save = calls
    assert build_call[:3] == ["podman", "build", "--file"]
    assert build_call.count("--tag") == 2
    assert f"PYTHON_IMAGE={builders.PYTHON_IMAGE}" in build_call
    assert save == ["podman", "save", "--format", "docker-archive", "--output", str(tmp_path / "x.tar"), "a:1", "a:dev"]
