"""A configuration's text loads or is refused with a ConfigError; no secret is told; what loads comes back as it was.

Input: the document.
"""

from __future__ import annotations

from typing import Final

import yaml

from tenantry_config.load import ConfigError, MissingVariable, Resolved, check_config, load_config
from tests.written_config import written

TOKENS: Final = (
    *(b"gateway:", b"provider:", b"agents:", b"bindings:", b"rbac:", b"defaultAgent: main", b"model: m", b"token: "),
    *(b"apiKey: ", b"port: ", b"agentId: main", b"channel: slack", b"sessionKey: ", b"assignments:", b"system: "),
    *(
        b"${FILE}",
        b"${GATEWAY_TOKEN}",
        b"${CITY}",
        b"${NONE}",
        b"$${X}",
        b"${senderId}",
        b"!!int ",
        b"!!bool ",
        b"!!set ",
    ),
    *(
        b"!!binary ",
        b"!!omap ",
        b"!!timestamp ",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"? ",
        b"- ",
        b"|\n ",
        b">\n ",
        b"---\n",
        b"...\n",
    ),
    *(
        b"'[key]'",
        b"~",
        b"=",
        b".inf",
        b"0x",
        b"1:30:00",
        b"2001-01-01",
        b"\t",
        b"\xef\xbb\xbf",
        b"\xc2\x85",
        b"9" * 30,
    ),
)
_SECRET: Final = "hunter2-Zq9-secret"
_VARIABLES: Final = {
    "PORT": Resolved("8080"),
    "CITY": Resolved("Graz"),
    "GATEWAY_TOKEN": Resolved(_SECRET),
    "FILE": Resolved(_SECRET, secret=True),
    "SPACED": Resolved(f"{_SECRET} two words", secret=True),
}


def fuzz(data: bytes) -> None:
    """One document."""
    text = data.decode("utf-8", "replace")
    try:
        config = load_config(text, _VARIABLES.get)
    except ConfigError as error:
        assert _SECRET not in f"{error} {error!r} {error.__cause__}"
        if isinstance(error, MissingVariable):
            assert error.name not in _VARIABLES
        return
    assert _SECRET not in f"{config} {config!r}"
    check_config(text)
    again = yaml.safe_dump(written(config), allow_unicode=True, sort_keys=False)
    assert load_config(again, lambda _name: None) == config


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
