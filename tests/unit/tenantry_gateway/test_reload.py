"""Reload: what is valid comes into force, what is not changes nothing, and secrets may come late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tenantry_config.errors import ConfigError, MissingVariable
from tenantry_gateway.logs import Redactor
from tenantry_gateway.reload import Reloader, check_files
from tenantry_gateway.settings import Settings, read_settings
from tenantry_gateway.state import GatewayState
from tests.unit.tenantry_gateway.harness import EchoModel, gateway_state, metric

AGENT = "agents: {main: {model: m}}\n"


class Files:
    """A configuration file and a directory of secrets, and a reloader of both."""

    def __init__(self, directory: Path, state: GatewayState) -> None:
        self.config = directory / "config.yaml"
        self.secrets = directory / "secrets"
        self.state = state
        self.redactor = Redactor()

    def settings(self, **environment: str) -> Settings:
        variables = {"TENANTRY_SECRETS_DIR": str(self.secrets), **environment}
        return read_settings(variables, Path("/nonexistent"), config=self.config)

    def reloader(self, **environment: str) -> Reloader:
        return Reloader(self.settings(**environment), self.state, self.redactor, now=lambda: 1234.0)

    def write(self, text: str) -> None:
        self.config.write_text(text)

    def secret(self, name: str, value: str) -> None:
        self.secrets.mkdir(exist_ok=True)
        (self.secrets / name).write_text(value)

    def problem(self) -> str:
        return self.state.config_error or ""

    @property
    def tokens(self) -> list[str]:
        assert self.state.snapshot is not None
        return [token.get_secret_value() for token in self.state.snapshot.tokens]

    @property
    def models(self) -> list[str]:
        assert self.state.snapshot is not None
        return [agent.model for agent in self.state.snapshot.config.agents.values()]


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Files]:
    async with gateway_state(EchoModel(), tmp_path) as state:
        files = Files(tmp_path, state)
        files.write(AGENT)
        yield files


async def test_it_starts_on_loopback_without_a_token(files: Files) -> None:
    assert await files.reloader().start() == ("127.0.0.1", 18789)
    assert files.models == ["m"]
    assert metric(files.state, "tenantry_gateway_config_valid") == 1
    assert metric(files.state, "tenantry_gateway_config_loaded_timestamp_seconds") == 1234


async def test_it_listens_where_the_configuration_says(files: Files) -> None:
    files.write(AGENT + 'gateway: {port: 18790, bind: "::1"}')

    assert await files.reloader().start() == ("::1", 18790)


async def test_a_change_comes_into_force(files: Files) -> None:
    reloader = files.reloader()
    await reloader.start()
    files.write(AGENT.replace("m}", "n}"))
    await reloader.poll()

    assert files.models == ["n"]
    assert metric(files.state, "tenantry_gateway_config_reloads_total", result="success") == 2


async def test_nothing_happens_while_nothing_changes(files: Files) -> None:
    reloader = files.reloader()
    await reloader.start()
    before = files.state.snapshot
    files.write(AGENT)
    for _ in range(3):
        await reloader.poll()

    assert files.state.snapshot is before


@pytest.mark.parametrize(
    "text", ["agents: [", "agents: {main: {modle: m}}", "gateway: {auth: {token: '${NOT_THERE}'}}", "\x00"]
)
async def test_an_invalid_change_leaves_the_old_one_in_force_and_says_so_once(
    files: Files, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    reloader = files.reloader()
    await reloader.start()
    files.write(text)
    for _ in range(3):
        await reloader.poll()

    assert files.models == ["m"]
    assert files.problem()
    assert metric(files.state, "tenantry_gateway_config_valid") == 0
    assert metric(files.state, "tenantry_gateway_config_reloads_total", result="failure") == 1
    assert [record.levelname for record in caplog.records].count("ERROR") == 1

    files.write(AGENT)
    await reloader.poll()
    assert not files.problem()
    assert metric(files.state, "tenantry_gateway_config_valid") == 1


async def test_a_file_that_vanishes_and_returns_interrupts_nothing(files: Files) -> None:
    reloader = files.reloader()
    await reloader.start()
    files.config.unlink()
    await reloader.poll()
    assert files.models == ["m"]

    files.write(AGENT.replace("m}", "n}"))
    await reloader.poll()
    assert files.models == ["n"]


async def test_a_swapped_symbolic_link_is_noticed(files: Files, tmp_path: Path) -> None:
    for name, model in (("..2026_1", "m"), ("..2026_2", "n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"agents: {{main: {{model: {model}}}}}\n")
    data = tmp_path / "..data"
    data.symlink_to("..2026_1")
    files.config.unlink()
    files.config.symlink_to("..data/config.yaml")
    reloader = files.reloader()
    await reloader.start()
    (tmp_path / "..data_tmp").symlink_to("..2026_2")
    (tmp_path / "..data_tmp").rename(data)
    await reloader.poll()

    assert files.models == ["n"]


async def test_a_rotated_token_comes_into_force_and_the_previous_one_stays_while_its_file_does(files: Files) -> None:
    files.secret("GATEWAY_TOKEN", "token-one\n")
    reloader = files.reloader()
    await reloader.start()
    assert files.tokens == ["token-one"]

    files.secret("GATEWAY_TOKEN", "token-two\n")
    files.secret("GATEWAY_TOKEN_PREVIOUS", "token-one\n")
    await reloader.poll()
    assert files.tokens == ["token-two", "token-one"]

    (files.secrets / "GATEWAY_TOKEN_PREVIOUS").unlink()
    await reloader.poll()
    assert files.tokens == ["token-two"]


async def test_a_rotated_token_comes_into_force_while_the_configuration_on_disk_is_not_valid(files: Files) -> None:
    files.secret("GATEWAY_TOKEN", "token-one")
    reloader = files.reloader()
    await reloader.start()
    files.write("agents: [")
    await reloader.poll()
    assert files.tokens == ["token-one"]

    files.secret("GATEWAY_TOKEN_PREVIOUS", "token-two")
    files.secret("GATEWAY_TOKEN_VERSION", "v2")
    await reloader.poll()

    assert files.state.snapshot is not None
    assert (files.tokens, files.models) == (["token-one", "token-two"], ["m"])
    assert files.state.snapshot.token_version == "v2"
    assert files.problem()


@pytest.mark.parametrize("empty", [True, False])
async def test_the_last_good_value_of_a_secret_stays_when_its_file_goes(files: Files, empty: bool) -> None:
    files.secret("GATEWAY_TOKEN", "token-one")
    files.secret("ANTHROPIC_API_KEY", "sk-ant-1")
    reloader = files.reloader()
    await reloader.start()
    for name in ("GATEWAY_TOKEN", "ANTHROPIC_API_KEY"):
        if empty:
            files.secret(name, "")
        else:
            (files.secrets / name).unlink()
    await reloader.poll()

    assert files.state.snapshot is not None
    assert files.tokens == ["token-one"]
    assert files.state.snapshot.api_key is not None
    assert files.state.snapshot.api_key.get_secret_value() == "sk-ant-1"


async def test_a_missing_secret_is_waited_for_where_secrets_come_as_files(files: Files) -> None:
    files.secrets.mkdir()
    files.write(AGENT + "gateway: {port: 18791, auth: {token: '${GATEWAY_TOKEN}'}}")
    reloader = files.reloader()

    assert await reloader.start() == ("127.0.0.1", 18791)
    assert files.state.snapshot is None
    assert files.state.waiting == "gateway.auth.token: variable GATEWAY_TOKEN is missing or empty"

    files.secret("GATEWAY_TOKEN", "token-one")
    await reloader.poll()
    assert files.tokens == ["token-one"]


async def test_while_it_waits_it_says_what_is_wrong_now(files: Files) -> None:
    files.secrets.mkdir()
    files.write(AGENT + "gateway: {auth: {token: '${GATEWAY_TOKEN}'}}")
    reloader = files.reloader()
    await reloader.start()
    files.write("agents: {main: {modle: m}}")
    await reloader.poll()

    assert "modle" in files.state.waiting


async def test_beyond_loopback_a_token_is_needed(files: Files) -> None:
    files.write(AGENT + 'gateway: {bind: "0.0.0.0"}')
    with pytest.raises(MissingVariable, match="GATEWAY_TOKEN is missing or empty: it is needed to listen on"):
        await files.reloader().start()

    files.secrets.mkdir()
    assert await files.reloader().start() == ("0.0.0.0", 18789)  # noqa: S104
    assert files.state.snapshot is None


async def test_the_token_may_come_from_the_environment_and_a_file_beats_it(files: Files) -> None:
    await files.reloader(GATEWAY_TOKEN="from-environment").start()
    assert files.tokens == ["from-environment"]

    files.secret("GATEWAY_TOKEN", "from-file")
    await files.reloader(GATEWAY_TOKEN="from-environment").start()
    assert files.tokens == ["from-file"]


@pytest.mark.parametrize("value", ["two words", "new\nline", "ümlaut", "\x00", " \n"])
async def test_a_token_that_no_header_can_carry_is_as_good_as_missing(files: Files, value: str) -> None:
    files.secret("GATEWAY_TOKEN", value)
    await files.reloader().start()

    assert files.tokens == []


@pytest.mark.parametrize("text", ["agents: [", "", "agents: {main: {}}"])
async def test_any_other_fault_at_the_start_is_an_error(files: Files, text: str) -> None:
    files.secrets.mkdir()
    files.write(text + "\nbindings: nonsense")

    with pytest.raises(ConfigError):
        await files.reloader().start()


async def test_a_missing_file_is_an_error_that_names_it(files: Files) -> None:
    files.config.unlink()

    with pytest.raises(ConfigError, match=r"config\.yaml cannot be read: No such file"):
        await files.reloader().start()


async def test_the_log_level_is_live_and_the_environment_beats_it(files: Files) -> None:
    levels = []
    for environment in ({}, {"LOG_LEVEL": "error"}):
        reloader = files.reloader(**environment)
        files.write(AGENT)
        await reloader.start()
        levels.append(logging.getLogger().level)
        files.write(AGENT + "gateway: {logLevel: warn}")
        await reloader.poll()
        levels.append(logging.getLogger().level)

    assert levels == [logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR]


async def test_another_port_is_logged_as_needing_a_restart(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    reloader = files.reloader()
    await reloader.start()
    files.write(AGENT + "gateway: {port: 18790}")
    await reloader.poll()

    assert "takes effect at the next start" in caplog.text


async def test_every_secret_is_known_to_the_redactor_before_anything_can_go_wrong(files: Files) -> None:
    files.write("agents: [")
    files.secret("SLACK_TOKEN", "xoxb-12345")
    with pytest.raises(ConfigError):
        await files.reloader().start()

    assert files.redactor.redact("token xoxb-12345") == "token [redacted]"


async def test_watching_goes_on_after_a_fault_of_its_own(
    files: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reloader = files.reloader()
    await reloader.start()
    twice = asyncio.Event()
    polls = 0

    async def poll() -> None:
        nonlocal polls
        polls += 1
        if polls == 2:
            twice.set()
        raise RuntimeError("boom")

    monkeypatch.setattr(reloader, "poll", poll)
    monkeypatch.setattr("tenantry_gateway.reload.POLL_SECONDS", 0)
    watching = asyncio.create_task(reloader.watch())
    await asyncio.wait_for(twice.wait(), 10)
    watching.cancel()
    await asyncio.wait({watching})

    assert "could not be looked at" in caplog.text


def test_checking_files_gives_the_hash_or_the_fault(files: Files) -> None:
    assert len(check_files(files.settings())) == 64
    files.write("nonsense: 1")
    with pytest.raises(ConfigError):
        check_files(files.settings())
