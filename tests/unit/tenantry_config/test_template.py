"""Session keys' templates: no two senders meet, no path leaves its directory."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tenantry_config.template import (
    TemplateError,
    encode_value,
    fill_directory,
    fill_template,
    validate_directory_template,
    validate_template,
)

HOSTILE = st.text(alphabet=st.sampled_from("aA0:%~./\\-_$ \0é"), min_size=1, max_size=120)
VALUES = HOSTILE | st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable())
TEMPLATES = ["${channel}:${senderId}", "x:${channelId}.${channel}:${senderId}", "${senderId}", "${agentId}|${senderId}"]


@given(VALUES, VALUES)
def test_two_values_never_have_the_same_encoding(first: str, second: str) -> None:
    assume(first != second)

    assert encode_value(first) != encode_value(second)


@given(VALUES)
def test_an_encoded_value_is_short_and_holds_no_separator(value: str) -> None:
    encoded = encode_value(value)

    assert len(encoded) <= 100
    assert re.fullmatch(r"[a-z0-9_%~-]+", encoded)


@given(st.text(min_size=40, max_size=200))
def test_the_form_of_a_long_value_cannot_be_chosen_as_a_short_one(value: str) -> None:
    long = encode_value("Ü" * 60 + value)

    assert "~" in long
    assert encode_value(long) != long


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("alice", "alice"),
        ("Alice", "%41lice"),
        ("a b", "a%20b"),
        ("../../etc", "%2e%2e%2f%2e%2e%2fetc"),
        ("é", "%c3%a9"),
        ("50%", "50%25"),
        ("a:b", "a%3ab"),
        ("\0", "%00"),
        ("x" * 100, "x" * 100),
    ],
)
def test_values_are_percent_encoded_outside_the_plain_alphabet(value: str, encoded: str) -> None:
    assert encode_value(value) == encoded


def test_a_long_value_keeps_a_prefix_that_ends_at_a_whole_character_code() -> None:
    assert re.fullmatch(r"é?(%[0-9a-f]{2})+~[0-9a-f]{64}", encode_value("é" * 300))
    assert re.fullmatch(r"a(%[0-9a-f]{2})+~[0-9a-f]{64}", encode_value("a" + "é" * 300))


@given(st.sampled_from(TEMPLATES), st.tuples(VALUES, VALUES, VALUES, VALUES), st.tuples(VALUES, VALUES, VALUES, VALUES))
def test_two_messages_share_a_key_only_where_the_template_cannot_tell_them_apart(
    template: str, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    names = ("channel", "channelId", "senderId", "agentId")
    one, other = dict(zip(names, first, strict=True)), dict(zip(names, second, strict=True))
    used = [name for name in names if f"${{{name}}}" in template]

    same = all(one[name] == other[name] for name in used)

    assert (fill_template(template, one) == fill_template(template, other)) == same


def test_literal_text_is_lower_cased() -> None:
    assert fill_template("Team:${senderId}", {"senderId": "Bob"}) == "team:%42ob"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_value_is_an_error_that_names_it(value: str | None) -> None:
    with pytest.raises(TemplateError, match="channelId"):
        fill_template("${channel}:${channelId}", {"channel": "slack", "channelId": value})


@pytest.mark.parametrize(
    "template", ["${channel}:${senderId}", "team", "a.b:${senderId}", "${agentId}@${channel}", "T-${senderId}"]
)
def test_templates_that_keep_senders_apart_are_valid(template: str) -> None:
    validate_template(template)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "x" * 257,
        "${channel}${senderId}",
        "${channel}-${senderId}",
        "${channel}_x9_${senderId}",
        "${chanel}:x",
        "${}",
        "../${senderId}",
        "a/${senderId}",
        "a\\${senderId}",
        "a b",
        "a\n",
        "a\0",
        "${FOO}:x",
        "$x",
        "${senderId",
        "ü:${senderId}",
        "100%:${senderId}",
        "~:${senderId}",
    ],
)
def test_templates_that_could_let_senders_meet_or_leave_a_directory_are_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        validate_template(template)


def test_an_unknown_value_names_the_nearest_known_one() -> None:
    with pytest.raises(TemplateError, match=r"\$\{senderID\}; did you mean \$\{senderId\}\?"):
        validate_template("${senderID}")


@pytest.mark.parametrize("directory", ["~/.clawdbot/sessions/${senderId}", "sessions", "a/b.c/${agentId}"])
def test_directories_are_valid(directory: str) -> None:
    validate_directory_template(directory)


@pytest.mark.parametrize("directory", ["", "..", "a/../b", "../x", "a/..", "${sender}/x", "$HOME/x", "a\0b"])
def test_directories_with_a_way_up_are_refused(directory: str) -> None:
    with pytest.raises(TemplateError):
        validate_directory_template(directory)


def test_a_directory_that_no_file_system_would_take_is_shortened_and_stays_the_senders_own() -> None:
    template = "~/.clawdbot/sessions/${channel}-${channelId}-${senderId}"
    long = "x" * 90
    at, beyond, other = (
        fill_directory(template, {"channel": long, "channelId": long, "senderId": sender})
        for sender in ("y" * 73, "y" * 74, "y" * 73 + "z")
    )

    assert at == (f"{long}-{long}-{'y' * 73}",)
    assert len({at, beyond, other}) == 3
    assert [len(name) for (name,) in (at, beyond, other)] == [255, 165, 165]
    assert fill_directory("ü" * 200, {})[0].startswith("ü" * 50 + "~")
