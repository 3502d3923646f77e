"""`config get` and `config set`."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry_config.errors import ConfigError
from tenantry_config.load import Resolved, load_config
from tenantry_config.parse import parse_yaml
from tenantry_gateway.__main__ import main
from tenantry_gateway.config_file import ConfigFile
from tenantry_gateway.storage.disk import Disk

Run = Callable[..., int]

COMMENTED = """\
# The team's gateway.
---
# Where it listens.
gateway:
  port: 18789   # the guide's
  auth: {mode: token, token: "${GATEWAY_TOKEN}"}  # from a Secret

# Who may what.
rbac:
  enabled: true
  assignments:
    "admin@company.com": admin   # the boss

agents:
  main:
    model: 'claude-sonnet-4-20250514'
    # what it is
    system: |
      You are a general assistant.
      Be brief.
    # how much it may do
    tools: {policy: none}
bindings:
  # first of all
  - channel: slack
    agentId: main   # all of Slack
  - {channel: "*", agentId: main}
# the end
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home's configuration, which is not there yet."""
    for name in ("CLAWDBOT_CONFIG_PATH", "CLAWDBOT_STATE_DIR", "LOG_LEVEL", "GATEWAY_TOKEN", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".clawdbot" / "config.yaml"


@pytest.fixture
def commented(path: Path) -> Path:
    path.parent.mkdir()
    path.write_text(COMMENTED)
    return path


def set_key(key: str, value: str) -> int:
    return main(["config", "set", key, value])


def get_key(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["config", "get", *arguments]) == 0
    return capsys.readouterr().out


def comments(text: str) -> list[str]:
    return sorted(line.partition("#")[2] for line in text.splitlines() if "#" in line)


def test_the_first_set_makes_a_file_that_nobody_else_can_read(path: Path) -> None:
    assert set_key("gateway.port", "18790") == 0
    assert set_key("gateway.auth.token", "123456") == 0

    assert path.read_text() == 'gateway:\n  port: 18790\n  auth:\n    token: "123456"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("gateway.port", "18790", "  port: 18790   # the guide's"),
        ("gateway.auth.token", "${OTHER}", '  auth: {mode: token, token: "${OTHER}"}          # from a Secret'),
        ('rbac.assignments."admin@company.com"', "viewer", '    "admin@company.com": viewer  # the boss'),
        ("bindings[1].channel", "telegram", '  - {channel: "telegram", agentId: main}'),
    ],
)
def test_a_set_changes_one_line_whose_comment_keeps_its_column(
    commented: Path, key: str, value: str, line: str
) -> None:
    before = commented.read_text().splitlines()

    assert set_key(key, value) == 0

    after = commented.read_text().splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [line]


def test_a_text_of_several_lines_is_replaced_and_the_comment_below_it_stays_a_line(commented: Path) -> None:
    assert set_key("agents.main.system", "Short: yes") == 0

    assert '    system: "Short: yes"\n    # how much it may do\n' in commented.read_text()
    assert comments(commented.read_text()) == comments(COMMENTED)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gateway.bind", "127.0.0.1"),
        ("agents.devops", "{model: m, system: 'yes'}"),
        ("bindings[2]", "{channel: telegram, senderId: a, agentId: main}"),
        ("agents.main.maxTokens", "100"),
        ('rbac.assignments."a.b"', "user"),
        ("gateway.trustedProxies", "[10.0.0.0/8, 192.168.0.0/16]"),
        ("provider.apiKey", "${ANTHROPIC_API_KEY}"),
    ],
)
def test_what_is_new_is_added_and_comments_and_the_rest_survive(commented: Path, key: str, value: str) -> None:
    old = parse_yaml(COMMENTED)

    assert set_key(key, value) == 0

    text = commented.read_text()
    assert comments(text) == comments(COMMENTED)
    assert list(parse_yaml(text))[: len(old)] == list(old)
    assert [line for line in COMMENTED.splitlines() if line not in text.splitlines()] == []
    load_config(text, lambda _: Resolved("value"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("gateway.prt", "1", 'gateway.prt: unknown key; did you mean "port"?'),
        ("gatway.port", "1", 'gatway: unknown key; did you mean "gateway"?'),
        ("agents.main", "{modle: m}", 'agents.main.modle: unknown key; did you mean "model"?'),
        ("gateway.port", "many", "gateway.port: must be a whole number"),
        ("gateway.port", "70000", "gateway.port: must be less than or equal to 65535"),
        ("gateway.port", "[", "gateway.port: not valid YAML"),
        ("gateway.logLevel", "loud", "gateway.logLevel: must be 'debug', 'info', 'warn' or 'error'"),
        ("gateway.auth.token", "two words", "gateway.auth.token: must be printable ASCII without spaces"),
        ("bindings[0].agentId", "nobody", 'bindings[0].agentId: no agent "nobody"; known agents: main'),
        ("bindings[3].agentId", "main", "bindings[3]: is too far: the next entry is bindings[2]"),
        ("bindings.agentId", "main", "bindings: is a list: name an entry, [0] for the first"),
        ("gateway[0]", "1", "gateway[0]: gateway is no list"),
        ("agents.Main.model", "m", "agents.Main: is no valid name"),
        ("rbac.assignments.a@b.c", "user", """in a shell 'rbac.assignments."a@b.c"'"""),
        ("gateway.port.x", "1", "gateway.port: is a single value, with nothing below it\n"),
        ("agents.main.system", "${GATEWAY_TOKEN}", "agents.main.system: GATEWAY_TOKEN is a secret"),
        ("agents.main", "{model: m}", "agents.main: a comment in it would be lost"),
        ("gateway..port", "1", "'gateway..port' is no key"),
    ],
)
def test_a_refused_set_says_why_in_one_line_and_leaves_the_bytes_unchanged(
    commented: Path, key: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set_key(key, value) == 78

    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("not set: ")
    assert error.count("\n") == 1
    assert commented.read_text() == COMMENTED
    assert [entry.name for entry in commented.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"gateway: {port: 1", "not valid YAML"),
        (b"gateway: {port: 1}\ngateway: {}\n", 'duplicate key "gateway"'),
        (b"- a\n", "the document must be a mapping"),
        (b"\xff\xfe", "the document is not UTF-8"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"agents: {main: {modle: m}}\n", 'agents.main.modle: unknown key; did you mean "model"?'),
        (b"gateway: 5\n", "gateway: must be a mapping"),
    ],
)
def test_a_file_that_is_no_configuration_is_left_alone(
    path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    assert set_key("gateway.port", "1") == 78
    assert message in capsys.readouterr().err
    assert path.read_bytes() == content


def test_variables_that_are_missing_keep_nobody_from_setting(commented: Path) -> None:
    assert set_key("gateway.port", "${PORT}") == 0
    assert set_key("gateway.bind", "${BIND}") == 0
    assert set_key("gateway.trustedProxies", '["${NETWORK}", 10.0.0.0/8]') == 0
    assert set_key("bindings[0].agentId", "${AGENT}") == 0
    assert set_key("gateway.logLevel", "debug") == 0
    assert set_key("bindings[1].agentId", "nobody") == 78

    values = {"PORT": "1", "BIND": "::1", "NETWORK": "::/0", "AGENT": "main"}
    config = load_config(commented.read_text(), lambda name: Resolved(values.get(name, "x")))
    assert (config.gateway.port, config.gateway.bind, config.gateway.log_level) == (1, "::1", "debug")


def test_an_edit_that_an_anchor_would_carry_elsewhere_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "agents:\n  main: &main {model: m}\n  devops: *main\n  other: {<<: *main, system: hi}\n"
    path.parent.mkdir()
    path.write_text(text)

    assert set_key("agents.devops.model", "x") == 78
    assert "agents.devops.model: another key would change, too, through an anchor" in capsys.readouterr().err
    assert path.read_text() == text
    assert set_key("agents.devops", "{model: x}") == 0
    assert set_key("agents.other.system", "ho") == 0
    assert parse_yaml(path.read_text())["agents"] == {
        "main": {"model": "m"},
        "devops": {"model": "x"},
        "other": {"model": "m", "system": "ho"},
    }
    assert "&main" in path.read_text()


FOLLOWED = """\
gateway:
  trustedProxies:
    - "10.0.0.0/8"
    - "172.16.0.0/12"%s

# Who answers.
agents:
  main: {model: m}
"""


@pytest.mark.parametrize("value", ["[10.1.0.0/16]", "['::/0', 10.1.0.0/16, 10.2.0.0/16]", "[]"])
def test_a_list_is_replaced_and_the_comment_on_what_follows_stays(path: Path, value: str) -> None:
    path.parent.mkdir()
    path.write_text(FOLLOWED % "")

    assert set_key("gateway.trustedProxies", value) == 0
    assert path.read_text().endswith("\n\n# Who answers.\nagents:\n  main: {model: m}\n")


def test_a_comment_in_what_is_replaced_is_not_lost_silently(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.parent.mkdir()
    path.write_text(FOLLOWED % "  # Docker's")

    assert set_key("gateway.trustedProxies", "[10.1.0.0/16]") == 78
    assert "gateway.trustedProxies: a comment in it would be lost" in capsys.readouterr().err
    assert set_key("gateway.trustedProxies[1]", "10.1.0.0/16") == 0
    assert path.read_text() == (FOLLOWED % "    # Docker's").replace("172.16.0.0/12", "10.1.0.0/16")


@pytest.mark.parametrize("text", ["gateway: {port: 1}\n", "{gateway: {port: 1}, agents: {}}\n", "{}\n"])
def test_flow_style_is_written_on(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)

    assert set_key("gateway.bind", "::1") == 0
    assert set_key("agents.main.model", "m: {x}") == 0
    parsed = parse_yaml(path.read_text())
    assert parsed["gateway"]["bind"] == "::1"
    assert parsed["agents"] == {"main": {"model": "m: {x}"}}


@pytest.mark.parametrize("text", ["# only a comment", "---\n# x\n", "\n\n", "%YAML 1.1\n# y\n---\ngateway:\n"])
def test_a_document_of_comments_is_added_to(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)

    assert set_key("gateway.port", "1") == 0
    assert parse_yaml(path.read_text()) == {"gateway": {"port": 1}}
    assert comments(path.read_text()) == comments(text)


@pytest.mark.parametrize("step", [2, 4])
@pytest.mark.parametrize("dash", [0, 2])
def test_indentation_stays_as_it_is(path: Path, step: int, dash: int) -> None:
    text = f"gateway:\n{' ' * step}port: 1\n{' ' * step}trustedProxies:\n{' ' * (step + dash)}- 10.0.0.0/8\n"
    path.parent.mkdir()
    path.write_text(text)

    assert set_key("gateway.port", "2") == 0
    assert path.read_text() == text.replace("1\n", "2\n", 1)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0$"), max_size=40)
VALUES = st.one_of(
    st.tuples(st.just("gateway.port"), st.integers(1, 65535).map(str)),
    st.tuples(st.just("agents.main.system"), TEXT),
    st.tuples(st.just("agents.main.model"), TEXT.filter(bool)),
    st.tuples(st.just("bindings[1].senderId"), TEXT.filter(bool)),
    st.tuples(
        st.just("gateway.auth.token"),
        st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="$"), min_size=1),
    ),
    st.tuples(st.just("gateway.logLevel"), st.sampled_from(["debug", "warn"])),
    st.tuples(st.just("rbac.enabled"), st.sampled_from(["true", "false"])),
)


FLOW = "agents: {main: {model: m}}\nbindings: [{channel: a, agentId: main}, {channel: b, agentId: main}]\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([FLOW, COMMENTED]))
def test_what_was_set_is_what_get_returns(tmp_path: Path, changes: list[tuple[str, str]], text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    file = ConfigFile(path)
    for key, value in changes:
        file.set(key, value)

    for key, value in dict(changes).items():
        assert file.get(key, show_secrets=True) == f"{value}\n"
    assert [comment for comment in comments(text) if f"#{comment}\n" not in path.read_text()] == []


@pytest.mark.usefixtures("commented")
def test_without_a_key_the_document_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert get_key(capsys) == COMMENTED


def test_a_file_that_is_not_there_is_an_empty_document(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert get_key(capsys) == ""
    assert get_key(capsys, "gateway.port") == "18789\n"
    assert not path.parent.exists()


@pytest.mark.usefixtures("commented")
@pytest.mark.parametrize(
    ("key", "printed"),
    [
        ("gateway.port", "18789\n"),
        ("gateway.logLevel", "info\n"),
        ("gateway.bind", ""),
        ("gateway.auth.token", "${GATEWAY_TOKEN}\n"),
        ("rbac.enabled", "true\n"),
        ("rbac.defaultRole", "user\n"),
        ('rbac.assignments."admin@company.com"', "admin\n"),
        ("agents.main.system", "You are a general assistant.\nBe brief.\n\n"),
        ("agents.main.session", "mode: persistent\n"),
        ("agents.main.maxTokens", "4096\n"),
        ("bindings[1]", "channel: '*'\nagentId: main\n"),
        ("provider", "{}\n"),
        ("gateway.trustedProxies", "[]\n"),
    ],
)
def test_a_key_gives_the_files_value_or_the_models_default(
    key: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get_key(capsys, key) == printed


@pytest.mark.usefixtures("commented")
@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("gateway.prot", 'error: gateway.prot: unknown key; did you mean "port"?\n'),
        ("gateway.log_level", 'error: gateway.log_level: unknown key; did you mean "logLevel"?\n'),
        ("agents.devops.model", "error: agents.devops: is not set; there are: main\n"),
        ("bindings[2]", "error: bindings[2]: is not there: the list has length 2\n"),
    ],
)
def test_a_key_that_is_not_there_is_78(key: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "get", key]) == 78
    assert capsys.readouterr().err == message


def test_secrets_are_printed_only_when_asked_for(commented: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_key("gateway.auth.token", "secret-1")
    set_key("provider.apiKey", "secret-${ANTHROPIC_API_KEY}")

    for arguments in ([], ["gateway"], ["gateway.auth.token"], ["provider"], ["provider.apiKey"]):
        shown = get_key(capsys, *arguments)
        assert "[redacted]" in shown
        assert "secret-" not in shown
        assert "secret-" in get_key(capsys, *arguments, "--show-secrets")
    assert comments(get_key(capsys)) == comments(COMMENTED)
    assert get_key(capsys, "--show-secrets") == commented.read_text()


def test_a_secret_whose_key_is_misspelt_or_whose_type_is_wrong_is_not_printed(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.parent.mkdir()
    path.write_text("provider: {apikey: sk-ant-1}\ngateway: {auth: {token: [sk-ant-2]}}\n")

    assert "sk-ant" not in get_key(capsys)
    assert "sk-ant" not in get_key(capsys, "provider")


def test_mode_and_link_stay(commented: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.yaml"
    target.parent.mkdir()
    commented.rename(target)
    target.chmod(0o640)
    commented.symlink_to(target)

    assert set_key("gateway.port", "1") == 0
    assert commented.is_symlink()
    assert "port: 1 " in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_read_only_mount_is_named_and_the_way_in_kubernetes_is_said(
    commented: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)

    assert set_key("gateway.port", "1") == 78
    assert capsys.readouterr().err == (
        f"not set: {commented} cannot be written: Read-only file system. In Kubernetes the configuration comes "
        "from the Gateway object: kubectl edit gateways.tenantry.dev\n"
    )
    assert commented.read_text() == COMMENTED


class _Full(Disk):
    """Writes half of what it is given."""

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        super().write(descriptor, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_file_as_it_was_and_nothing_beside_it(commented: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written: No space left on device$"):
        ConfigFile(commented, _Full()).set("gateway.port", "1")

    assert commented.read_text() == COMMENTED
    assert [entry.name for entry in commented.parent.iterdir()] == ["config.yaml"]


def test_ruamel_is_not_loaded_to_serve() -> None:
    code = "import sys, tenantry_gateway.__main__; sys.exit('ruamel.yaml' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
