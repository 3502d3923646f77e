"""The command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry_config.errors import ConfigError
from tenantry_config.version import __version__
from tenantry_gateway.__main__ import main
from tenantry_gateway.settings import SECRETS_DIR, read_settings

HOME = Path("/home/someone")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CLAWDBOT_CONFIG_PATH", "CLAWDBOT_STATE_DIR", "LOG_LEVEL", "GATEWAY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TENANTRY_SECRETS_DIR", str(tmp_path / "none"))
    path = tmp_path / "config.yaml"
    path.write_text("agents: {main: {model: m}}\n")
    return path


@pytest.mark.parametrize("prefix", [[], ["gateway"]])
def test_a_valid_configuration_is_0(config: Path, prefix: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*prefix, "config", "validate", "--config", str(config)]) == 0
    assert f"valid: {config} (configHash " in capsys.readouterr().out


def test_an_invalid_configuration_is_78_and_one_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("agents: {main: {modle: m}}\n")

    assert main(["config", "validate", "--config", str(config)]) == 78
    assert capsys.readouterr().err == 'invalid: agents.main.modle: unknown key; did you mean "model"?\n'


def test_the_path_may_come_from_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAWDBOT_CONFIG_PATH", str(config))

    assert main(["config", "validate"]) == 0


def test_an_unknown_log_level_is_78(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "verbose")

    assert main(["config", "validate", "--config", str(config)]) == 78
    assert "LOG_LEVEL: must be one of debug, info, warn, error" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serve"],
        ["run", "--port", "65536"],
        ["run", "--port", "-1"],
        ["run", "--port", "x"],
        ["run", "--bind", "h"],
    ],
)
def test_wrong_arguments_are_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "usage: tenantry-gateway" in capsys.readouterr().err


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_the_guides_paths_are_the_defaults() -> None:
    settings = read_settings({}, HOME)

    assert (settings.config_path, settings.state_dir) == (HOME / ".clawdbot/config.yaml", HOME / ".clawdbot")
    assert (settings.secrets_dir, settings.log_level) == (SECRETS_DIR, None)


def test_how_long_requests_may_go_on_after_sigterm_is_a_number_of_seconds() -> None:
    assert read_settings({}, HOME).drain_seconds == 100
    assert read_settings({"TENANTRY_DRAIN_SECONDS": "10"}, HOME).drain_seconds == 10
    with pytest.raises(ConfigError, match="TENANTRY_DRAIN_SECONDS: must be a whole number of seconds"):
        read_settings({"TENANTRY_DRAIN_SECONDS": "-1"}, HOME)


def test_the_guides_variables_are_obeyed() -> None:
    environment = {"CLAWDBOT_STATE_DIR": "/state", "LOG_LEVEL": "WARN", "TENANTRY_SECRETS_DIR": "/s"}
    settings = read_settings(environment, HOME)

    assert (settings.config_path, settings.state_dir) == (Path("/state/config.yaml"), Path("/state"))
    assert (settings.secrets_dir, settings.log_level) == (Path("/s"), "warn")
    assert read_settings({"CLAWDBOT_CONFIG_PATH": "/c.yaml"}, HOME).config_path == Path("/c.yaml")
    assert read_settings({"CLAWDBOT_CONFIG_PATH": "/c"}, HOME, config=Path("/d")).config_path == Path("/d")
