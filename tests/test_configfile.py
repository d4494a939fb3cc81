"""host.toml: what it may say, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from host import Budget, ConfigError, Host, Limits, Permissions
from host.configfile import ConfigFile, read_config

WHOLE = """
[permissions]
allow_ops = ["stripe.products.*"]
read_only = true

[budget]
max_calls = 10
max_amount = { usd = 50000 }

[budget.daily]
max_mutations = 100

[limits]
memory = 33554432

[settings]
http_timeout = 4
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("HOST_HTTP_TIMEOUT", raising=False)


def test_every_table(tmp_path: Path) -> None:
    """The fields of Permissions, Budget, Limits and Settings by their names."""
    (tmp_path / "host.toml").write_text(WHOLE)
    assert read_config() == ConfigFile(
        "host.toml",
        Permissions(allow_ops=["stripe.products.*"], read_only=True),
        Budget(max_calls=10, max_amount={"usd": 50000}),
        Budget(max_mutations=100),
        Limits(memory=32 << 20),
        {"http_timeout": 4},
    )


def test_without_a_file_nothing_is_said() -> None:
    """The current folder's is used if it is there; a file that is named must be."""
    assert read_config() == ConfigFile()
    with pytest.raises(ConfigError, match="no such file"):
        read_config("other.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[permissions]\n\nallow_op = []", "host.toml:3: there is no 'allow_op' in [permissions]; did you"),
        ("[permisions]", "host.toml:1: there is no 'permisions'; did you mean 'permissions'?"),
        ("[permissions]\nnet = ['https://x']", "host.toml:2: the network grant 'https://x' is none"),
        ("[permissions]\nread_only = 'yes'", "host.toml:2: Permissions.read_only is 'yes'; expected True"),
        ("[budget]\nmax_calls = -1", "host.toml:2: Budget.max_calls is -1"),
        ("[budget]\n[budget.daily]\nmax_amount = {usd = 'x'}", "host.toml:3: the amount for usd is 'x'"),
        ("[limits]\nmemory = 0", "host.toml:2: Limits.memory is 0"),
        ("[settings]\nstripe_secret_key = 'sk_live_1'", "host.toml:2: a key does not belong in this file"),
        ("[settings]\nhttp_timeot = 3", "host.toml:2: there is no 'http_timeot' in [settings]; did"),
        ("permissions = 5", "host.toml:1: permissions is 5; expected a table [permissions]"),
        ("a = 1\n[permissions}", "host.toml: Expected ']' at the end of a table declaration (at line 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """File, line, key, what was expected; and never the value of a key."""
    (tmp_path / "host.toml").write_text(text)
    with pytest.raises(ConfigError) as found:
        read_config()
    assert told in str(found.value)
    assert "sk_live_1" not in str(found.value)


def test_a_setting_of_the_file_yields_to_every_other_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults < host.toml < .env < environment < arguments; a bad value names the file."""
    (tmp_path / "host.toml").write_text("[settings]\nhttp_timeout = 4")
    with Host(simulate=True, config="host.toml") as host:
        assert host.settings.http_timeout == 4
        assert host.settings.source("http_timeout") == "host.toml"
    with Host(simulate=True, config="host.toml", http_timeout=2) as host:
        assert host.settings.http_timeout == 2
    monkeypatch.setenv("HOST_HTTP_TIMEOUT", "3")
    with Host(simulate=True, config="host.toml") as host:
        assert host.settings.http_timeout == 3
    monkeypatch.delenv("HOST_HTTP_TIMEOUT")
    (tmp_path / "host.toml").write_text("[settings]\nhttp_timeout = 0")
    with pytest.raises(ConfigError, match=r"HOST_HTTP_TIMEOUT \(set by host.toml\)"):
        Host(simulate=True, config="host.toml")


def test_a_host_takes_its_rules_from_the_file(tmp_path: Path) -> None:
    """Permissions, budgets and limits; what is given as an argument takes the place of what the file says."""
    (tmp_path / "host.toml").write_text(WHOLE)
    code = 'return pcall(function() return new_product():name("x"):create() end)'
    with Host(simulate=True, config="host.toml") as host:
        assert host.run_source(code).value is False
        assert host.limits.memory == 32 << 20
    with Host(simulate=True, config="host.toml", permissions=Permissions()) as host:
        assert host.run_source(code).value is True
