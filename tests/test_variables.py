"""Variables that look like a setting and are none are told; somebody else's are let alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from host import ConfigError, Host, Permissions, Settings, SettingsWarning
from host.config_file import ApiEntry, ConfigFile
from host.settings import _VARIABLES


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def told(text: str = "", environ: dict[str, str] | None = None, **options: object) -> list[str]:
    """What is said of a ``.env`` with this text and of this environment."""
    Path(".env").write_text(text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Settings.load(environ=environ or {}, **options)  # type: ignore[arg-type]
    assert all(each.category is SettingsWarning for each in caught)
    return [str(each.message) for each in caught]


def slips(name: str) -> Iterator[str]:
    """All names one letter away: left out, twice, exchanged, another one."""
    for i in range(len(name)):
        yield name[:i] + name[i + 1 :]
        yield name[:i] + name[i] + name[i:]
        yield name[:i] + ("X" if name[i] != "X" else "Y") + name[i + 1 :]
        if i and name[i] != name[i - 1]:
            yield name[: i - 1] + name[i] + name[i - 1] + name[i + 1 :]


@pytest.mark.parametrize("name", sorted(_VARIABLES))
def test_every_setting_misspelt_by_a_letter_is_shown_with_its_name(name: str) -> None:
    """Wherever the letter is, in the prefix too, in a file and in the environment."""
    wrong = sorted(set(slips(name)) - _VARIABLES)
    text = "".join(f"{each}=x\n" for each in wrong)
    messages = told(text)
    assert messages == [
        f".env:{line}: {each} is not a setting, so it has no effect; did you mean {name}?"
        for line, each in enumerate(wrong, 1)
    ]
    assert told(environ=dict.fromkeys(wrong, "x")) == [
        f"environment: {each} is not a setting, so it has no effect; did you mean {name}?" for each in wrong
    ]


@pytest.mark.parametrize("name", sorted(_VARIABLES))
def test_another_case_or_dashes_are_reported(name: str) -> None:
    """``host_log_level`` and ``HOST-LOG-LEVEL`` set nothing."""
    for wrong in (name.lower(), name.replace("_", "-"), name.title()):
        assert told(f"{wrong}=x\n") == [f".env:1: {wrong} is not a setting, so it has no effect; did you mean {name}?"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("STRIPE_API_KEY", "STRIPE_SECRET_KEY"),
        ("STRIPE_KEY", "STRIPE_SECRET_KEY"),
        ("STRIPE_SECRET", "STRIPE_SECRET_KEY"),
        ("STRIPE_VERSION", "STRIPE_API_VERSION"),
        ("HOST_TIMEOUT", "HOST_HTTP_TIMEOUT"),
        ("HOST_LOGLEVEL", "HOST_LOG_LEVEL"),
        ("HOST_LOG", "HOST_LOG_LEVEL"),
        ("GRAPHQL_URL", "GRAPHQL_ENDPOINT"),
    ],
)
def test_another_name_for_a_setting_is_reported(name: str, near: str) -> None:
    """What other tools call it, or half of its name."""
    assert told(f"{name}=x\n") == [f".env:1: {name} is not a setting, so it has no effect; did you mean {near}?"]


@pytest.mark.parametrize("name", ["HOST_READ_ONLY", "HOST_SIMULATE", "GRAPHQL_PLAYGROUND"])
def test_a_name_with_our_prefix_is_reported_though_nothing_is_near(name: str) -> None:
    """Whoever sets HOST_READ_ONLY counts on it."""
    assert told(environ={name: "1"}) == [f"environment: {name} is not a setting, so it has no effect"]


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "MY_SETTING",
        "HOSTNAME",
        "HOST_NAME",
        "HOST_IP",
        "HOST_PROC",
        "RUST_LOG_LEVEL",
        "PATH",
        "HTTP_TIMEOUT",
        "GHOST_URL",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_PUBLISHABLE_KEY",
        "STRIPE_CLI_TELEMETRY_OPTOUT",
        "STRIPE_DEVICE_NAME",
        "STRIPE_PRICE_PRO",
        "STRIPE_PRICES",
        "STRIPE_ACCOUNT_ID",
        "PETSTORE_API_KEY",
    ],
)
def test_what_is_somebody_elses_is_let_alone(name: str) -> None:
    """Containers', the Stripe CLI's, and what applications call their own objects of Stripe."""
    assert told(f"{name}=x\n", {name: "x"}) == []


def test_the_stripe_clis_key_is_let_alone_beside_ours() -> None:
    """The Stripe CLI reads STRIPE_API_KEY; who has set ours too has not mixed them up."""
    assert told(environ={"STRIPE_API_KEY": "sk_test_x", "STRIPE_SECRET_KEY": "sk_test_x"}) == []


def test_what_is_granted_or_of_an_api_is_let_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By permissions, in host.toml or in a program; and the key of a further API."""
    config = ConfigFile(
        permissions=Permissions(env=("HOST_COLOUR",)),
        apis={"host": ApiEntry("", "a.json"), "b": ApiEntry("", "b.json", None, {"token": "STRIPE_B_TOKEN"})},
    )
    given = {"HOST_COLOUR": "red", "HOST_API_KEY": "x", "STRIPE_B_TOKEN": "x", "HOST_OTHER": "x"}
    messages = told(environ=given, claimed=config.claims)
    assert [message.split()[1] for message in messages] == ["HOST_OTHER"]
    monkeypatch.setenv("HOST_COLOUR", "red")
    Host(simulate=True, permissions=Permissions(env=["HOST_COL*"])).close()  # a warning would be an error here


def test_a_host_warns_at_the_programs_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning names the file that made the host, not a file of ours."""
    monkeypatch.setenv("HOST_HTTP_TIMOUT", "5")
    with pytest.warns(SettingsWarning, match="environment: HOST_HTTP_TIMOUT is not a setting") as caught:
        Host(simulate=True).close()
    assert [each.filename for each in caught] == [__file__]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n\n# x\nHOST_HTTP_TIMEOUT: 5\n", r"\.env:4: this line cannot be read; expected NAME=value"),
        ("STRIPE_SECRET_KEY sk_test_51AbCdEf\n", r"\.env:1: this line cannot be read"),
        ("A='x\n", r"\.env:1: this line cannot be read"),
        ("<<<<<<< HEAD\nA=1\n", r"\.env:1: this line cannot be read"),
        ("A=1\nHOST_JOURNAL\n", r"\.env:2: HOST_JOURNAL has no value; expected HOST_JOURNAL=value"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, message: str) -> None:
    """The file and the line, and nothing of what it holds."""
    Path(".env").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        Settings.load(environ={})
    assert "AbCd" not in str(caught.value)


def test_export_lines_of_shells_are_let_alone() -> None:
    """A name without a value says nothing where it is set in another line, or is not ours."""
    assert told("HOST_LOG_LEVEL=error\nexport HOST_LOG_LEVEL\nexport OTHER\n") == []
    assert Settings.load(environ={}).log_level == "error"


def test_a_setting_with_two_values_in_a_file_is_reported() -> None:
    """The last counts, as ever; the same value twice, or another tool's variable, is nobody's mistake of ours."""
    text = "HOST_LOG_LEVEL=error\nA=1\n\nA=2\nHOST_LOG_LEVEL=info\nHOST_HTTP_TIMEOUT=4\nHOST_HTTP_TIMEOUT=4\n"
    assert told(text) == [".env:1: HOST_LOG_LEVEL is set again in line 5, which takes precedence"]
    with pytest.warns(SettingsWarning):
        assert Settings.load(environ={}).log_level == "info"
