"""The names of transports stand in one table; settings, client, messages and docs follow it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from host import ConfigError, Host, Settings, UsageError
from host.http.client import OWN_TRANSPORTS, HttpClient
from host.http.settings import HttpSettings
from host.transports import TRANSPORTS, TransportName

ROOT = Path(__file__).parents[2]


def test_the_table_has_every_name() -> None:
    """Those of the type, no more; what goes straight is among them."""
    assert set(TRANSPORTS) == set(get_args(TransportName))
    assert set(OWN_TRANSPORTS) <= set(TRANSPORTS)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_transport_can_be_chosen_wherever_one_is(name: TransportName) -> None:
    """As a setting, as an argument and for the client alone; plain requests go straight where the table says."""
    assert Settings.load(environ={"HOST_TRANSPORT": name}).transport == name
    with Host(simulate=True, transport=name) as host:
        assert host.settings.transport == name
    client = HttpClient(HttpSettings(transport=name), environ={})
    assert client.is_own == (name in OWN_TRANSPORTS)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_the_docs_name_each(name: str) -> None:
    """README's row of the setting, ``.env.example`` and docs/http.md."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [row] = [line for line in readme.splitlines() if line.startswith("| `HOST_TRANSPORT`")]
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    comment = re.search(r"((?:^#.*\n)+)HOST_TRANSPORT=", example, re.MULTILINE)
    assert comment is not None
    for text in (row, comment[1]):
        assert re.search(rf"\b{name}\b", text), text
    if name not in OWN_TRANSPORTS:
        assert f"HOST_TRANSPORT={name}" in (ROOT / "docs" / "http.md").read_text(encoding="utf-8")


def test_another_name_is_refused_with_those_there_are() -> None:
    """Each place that takes a name says which there are."""
    for refused in (
        lambda: Settings.load(environ={"HOST_TRANSPORT": "smoke"}),
        lambda: HttpSettings(transport="smoke"),  # type: ignore[arg-type]
        lambda: Host(simulate=True, transport="smoke"),
        lambda: Host(simulate=True, transport=7),  # type: ignore[arg-type]
    ):
        with pytest.raises((ConfigError, UsageError)) as error:
            refused()
        assert all(name in str(error.value) for name in TRANSPORTS)
