"""Settings: which source wins, what is refused, and that a key never shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from host.errors import ConfigError, UsageError
from host.secret import Secret
from host.settings import Settings
from host.stripe_key import DEMO_KEY

KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"


def load(tmp_path: Path, environ: dict[str, str] | None = None, **more: object) -> Settings:
    return Settings.load(environ=environ or {}, cwd=tmp_path, **more)  # type: ignore[arg-type]


def test_defaults_alone_make_settings(tmp_path: Path) -> None:
    """Without any source every field has its default, there is no key, and nothing claims to be set."""
    settings = load(tmp_path)
    assert settings == Settings()
    assert settings.sources == {}
    assert not settings.has_key
    assert (settings.connect_timeout, settings.http_timeout, settings.request_deadline) == (3.0, 5.0, 30.0)


def test_arguments_win_over_environment_over_env_file(tmp_path: Path) -> None:
    """Each source overrides the one before it, field by field, and each field knows its source."""
    lines = ["HOST_HTTP_TIMEOUT=1", "HOST_CONNECT_TIMEOUT=1", "HOST_MAX_IN_FLIGHT=7", "OTHER=x"]
    (tmp_path / ".env").write_text("\n".join(lines))
    settings = load(
        tmp_path,
        {"HOST_CONNECT_TIMEOUT": "2", "HOST_HTTP_TIMEOUT": "2"},
        overrides={"http_timeout": 3, "queue_capacity": None},
    )
    assert (settings.http_timeout, settings.connect_timeout, settings.max_in_flight) == (3.0, 2.0, 7)
    assert settings.sources == {
        "http_timeout": "argument",
        "connect_timeout": "environment",
        "max_in_flight": ".env",
    }
    assert settings.source("queue_capacity") == "default"


def test_a_given_env_file_replaces_the_one_in_the_folder(tmp_path: Path) -> None:
    """--env-file is read instead of .env, relative to the current folder, with a byte order mark or not."""
    (tmp_path / ".env").write_text("HOST_TRANSPORT=auto\nHOST_LOG_LEVEL=error\n")
    (tmp_path / "other.env").write_text("\ufeffexport HOST_TRANSPORT='httpx' # for mocks\n", encoding="utf-8")
    settings = load(tmp_path, env_file="other.env")
    assert (settings.transport, settings.log_level) == ("httpx", "warning")
    assert settings.source("transport") == "--env-file other.env"


def test_a_given_env_file_must_exist_and_be_text(tmp_path: Path) -> None:
    """A missing, binary or unreadable file that was asked for is an error naming it."""
    (tmp_path / "binary.env").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.env", "binary.env", "."):
        with pytest.raises(ConfigError, match=r"--env-file (absent\.env|binary\.env|\.)"):
            load(tmp_path, env_file=name)


def test_a_folder_called_dot_env_is_not_read(tmp_path: Path) -> None:
    """A virtual environment named .env does not stop a run."""
    (tmp_path / ".env").mkdir()
    assert load(tmp_path) == Settings()


def test_loading_leaves_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of .env go into Settings, not into os.environ; the process's environment is the default."""
    (tmp_path / ".env").write_text("HOST_LOG_LEVEL=error\n")
    monkeypatch.setenv("HOST_MAX_IN_FLIGHT", "11")
    before = dict(os.environ)
    settings = Settings.load(cwd=tmp_path)
    assert dict(os.environ) == before
    assert (settings.max_in_flight, settings.log_level) == (11, "error")


def test_values_of_an_env_file_are_literal(tmp_path: Path) -> None:
    """A ${…} in a file is not filled from the environment, so a file means the same everywhere."""
    (tmp_path / ".env").write_text("HOST_JOURNAL=${HOME}\n")
    assert load(tmp_path).journal == "${HOME}"


def test_an_empty_value_puts_the_default_back(tmp_path: Path) -> None:
    """STRIPE_SECRET_KEY= in the environment switches off the key of .env rather than uncovering it."""
    (tmp_path / ".env").write_text(f"STRIPE_SECRET_KEY={KEY}\nHOST_HTTP_TIMEOUT=9\n")
    settings = load(tmp_path, {"STRIPE_SECRET_KEY": "", "HOST_HTTP_TIMEOUT": " "})
    assert settings == Settings()
    assert settings.source("stripe_secret_key") == "default"


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("HOST_HTTP_TIMEOUT", "soon", "a number above 0"),
        ("HOST_CONNECT_TIMEOUT", "0", "a number above 0"),
        ("HOST_REQUEST_DEADLINE", "nan", "a number above 0"),
        ("HOST_REQUEST_DEADLINE", "inf", "at most 86400"),
        ("HOST_MAX_IN_FLIGHT", "1.5", "a whole number from 1"),
        ("HOST_MAX_IN_FLIGHT", "0", "a whole number from 1"),
        ("HOST_QUEUE_CAPACITY", "-3", "a whole number from 1"),
        ("HOST_TRANSPORT", "curl", "auto, httpx"),
        ("HOST_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("STRIPE_API_BASE", "api.stripe.com", "a URL such as"),
        ("STRIPE_API_BASE", "ftp://api.stripe.com", "a URL such as"),
        ("STRIPE_API_BASE", "https://api.stripe.com/?a=b", "without query"),
        ("STRIPE_API_BASE", "https://api.stripe.com:99999", "a URL such as"),
        ("STRIPE_API_VERSION", "latest", "a version such as"),
        ("STRIPE_SECRET_KEY", "sk_test_one two", "a key such as"),
        ("STRIPE_SECRET_KEY", "pk_test_51AbCdEfGhIjKlMnOpQr4242", "publishable"),
    ],
)
def test_a_bad_value_names_variable_source_and_what_is_allowed(
    tmp_path: Path, variable: str, value: str, allowed: str
) -> None:
    """The message of a bad value is enough to mend it, whichever source it came from."""
    (tmp_path / ".env").write_text(f"{variable}={value!r}\n")
    for environ, source in (({}, ".env"), ({variable: value}, "environment")):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, environ)
        assert variable in str(caught.value)
        assert f"set by {source}" in str(caught.value)
        assert allowed in str(caught.value)


@pytest.mark.parametrize("value", ["sk_test_51AbCdEfGh\nIjKlMnOpQr4242", "pk_live_51AbCdEfGhIjKlMnOpQr4242"])
def test_the_message_about_a_bad_key_does_not_show_it(tmp_path: Path, value: str) -> None:
    """A refused key is not repeated in the error."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {"STRIPE_SECRET_KEY": value})
    assert "51AbCdEfGh" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ('"sk_test_51AbCdEfGhIjKlMn"', "is in quotes"),
        ("'sk_test_51AbCdEfGhIjKlMn", "is in quotes"),
        ("“sk_test_51AbCdEfGhIjKlMn”", "is in quotes"),
        ("sk_test_51AbCdEfGh…", "is cut off"),
        ("sk_test_51AbCdEfGh...", "is cut off"),
        ("sk_test_51AbCdEfGh\u200bIjKl", "non-ASCII"),
        ("Bearer sk_test_51AbCdEfGhIjKlMn", "holds a space"),
        ("pk_live_51AbCdEfGhIjKlMn", "a publishable key"),
        ("whsec_51AbCdEfGhIjKlMn", "the secret of a webhook"),
        ("ek_test_51AbCdEfGhIjKlMn", "an ephemeral key"),
    ],
)
@pytest.mark.parametrize("base", [None, "https://stripe.example"])
def test_what_is_no_key_is_refused_wherever_it_would_go(key: str, why: str, base: str | None) -> None:
    """Before anything is sent, and without showing it."""
    given = {"STRIPE_SECRET_KEY": key} | ({"STRIPE_API_BASE": base} if base else {})
    with pytest.raises(ConfigError, match=why) as caught:
        Settings.load(environ=given, cwd="/nowhere")
    assert "STRIPE_SECRET_KEY (set by environment)" in str(caught.value)
    assert "AbCd" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        *("ghp_16C7e42F292c6912E7", "AbCd", "SK_TEST_51AbCdEf", "sk-test-51AbCdEf", "sk_51AbCdEf", "sk_test_"),
        *("sk_test_xxx", "sk_test_<AbCd>", "${AbCd}", "sk_live_XXXXXXXX", "sk_test_your_key", "acct_51AbCdEf"),
    ],
)
def test_another_token_is_not_sent_to_stripe(key: str) -> None:
    """A token of somebody else's, or a placeholder, is told; another server may have keys of another form."""
    with pytest.raises(ConfigError, match="does not look like a key of Stripe's") as caught:
        Settings.load(environ={"STRIPE_SECRET_KEY": key}, cwd="/nowhere")
    assert "AbCd" not in str(caught.value)
    other = {"STRIPE_SECRET_KEY": key, "STRIPE_API_BASE": "https://stripe.example"}
    assert Settings.load(environ=other, cwd="/nowhere").has_key


@pytest.mark.parametrize("key", ["sk_test_x", "rk_live_51AbCd", "sk_org_live_51AbCd", "sk_live_51Ab_Cd"])
def test_a_key_of_stripes_is_taken(key: str) -> None:
    """Secret, restricted and organization keys."""
    assert Settings.load(environ={"STRIPE_SECRET_KEY": key}, cwd="/nowhere").has_key


def test_a_password_in_the_base_url_is_refused_unshown(tmp_path: Path) -> None:
    """Credentials belong in the key, and the message does not repeat them."""
    with pytest.raises(ConfigError, match="user name") as caught:
        load(tmp_path, {"STRIPE_API_BASE": "https://me:hunter2@proxy.example"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("bad", [True, "x", -1, None, [1]])
def test_direct_construction_is_checked_too(bad: object) -> None:
    """Settings(…) refuses what the environment would be refused, as a ConfigError."""
    with pytest.raises(ConfigError, match=r"HOST_HTTP_TIMEOUT \(set by argument\)"):
        Settings(http_timeout=bad)  # type: ignore[arg-type]


def test_an_unknown_override_names_the_nearest_setting(tmp_path: Path) -> None:
    """A mistyped keyword is a usage error with a suggestion."""
    with pytest.raises(UsageError, match="did you mean 'http_timeout'"):
        load(tmp_path, overrides={"http_timeuot": 3})


def test_a_base_is_used_only_with_a_key_from_its_own_source(tmp_path: Path) -> None:
    """A base URL somebody put into .env cannot draw the key out of the environment, nor the other way."""
    (tmp_path / ".env").write_text("STRIPE_API_BASE=https://evil.example\n")
    with pytest.raises(ConfigError, match=r"STRIPE_API_BASE is set by \.env, but .* by environment"):
        load(tmp_path, {"STRIPE_SECRET_KEY": KEY})
    both = {"STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": "https://proxy.example/stripe/"}
    assert load(tmp_path, both).stripe_api_base == "https://proxy.example/stripe"
    with pytest.raises(ConfigError, match="by argument, but"):
        load(tmp_path, {"STRIPE_SECRET_KEY": KEY}, overrides={"stripe_api_base": "https://proxy.example"})


def test_the_default_base_goes_with_a_key_from_anywhere(tmp_path: Path) -> None:
    """Stripe's own address, even when spelled out elsewhere, is no danger to a key."""
    (tmp_path / ".env").write_text("STRIPE_API_BASE=https://api.stripe.com/\n")
    assert load(tmp_path, {"STRIPE_SECRET_KEY": KEY}).has_key


@pytest.mark.parametrize(
    ("base", "key", "fine"),
    [
        ("http://127.0.0.1:8080", "sk_live_51AbCdEfGhIjKlMnOpQr4242", True),
        ("http://[::1]:8080", "sk_live_51AbCdEfGhIjKlMnOpQr4242", True),
        ("http://localhost:8080", "sk_live_51AbCdEfGhIjKlMnOpQr4242", True),
        ("http://stripe-mock:12111", KEY, True),
        ("http://stripe-mock:12111", "sk_live_51AbCdEfGhIjKlMnOpQr4242", False),
        ("http://127.0.0.1.evil.example", "rk_live_51AbCdEfGhIjKlMnOpQr4242", False),
        ("http://stripe-mock:12111", "some-other-token", False),
    ],
)
def test_only_test_keys_leave_the_machine_in_the_clear(tmp_path: Path, base: str, key: str, fine: bool) -> None:
    """Plain http is for this machine; elsewhere it needs a key that says it is a test key."""
    environ = {"STRIPE_SECRET_KEY": key, "STRIPE_API_BASE": base}
    if fine:
        assert load(tmp_path, environ).stripe_api_base == base
    else:
        with pytest.raises(ConfigError, match="plain http"):
            load(tmp_path, environ)


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("sk_test_abc", "test"),
        ("rk_test_abc", "test"),
        ("sk_live_abc", "live"),
        ("rk_live_abc", "live"),
        ("token", None),
        (DEMO_KEY, None),
    ],
)
def test_mode_is_read_from_the_key(key: str, mode: str | None) -> None:
    """Secret and restricted keys tell live from test; the demo key is no key at all."""
    settings = Settings(stripe_secret_key=Secret(key), stripe_api_base="https://stripe.example")
    assert settings.mode == mode
    assert settings.has_key == (key != DEMO_KEY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "expected such as stripe: rate=50"),
        ("stripe: rate", "expected such as stripe: rate=50"),
        ("stripe: rat=5", "has 'rat' for stripe; expected one of rate, burst, in_flight, retries"),
        ("stripe: rate=-1", "rate is -1.0; expected requests a second, a number from 0"),
        ("stripe: rate=nan", "rate is nan; expected requests a second"),
        ("stripe: burst=0", "burst is 0; expected a number from 1"),
        ("stripe: in_flight=1.5", "in_flight is 1.5; expected a whole number from 1"),
        ("a.b: rate=1", "names the API 'a.b'; expected a name such as stripe"),
    ],
)
def test_wrong_limits_of_an_api_say_what_is_expected(tmp_path: Path, text: str, message: str) -> None:
    """The variable, where it was set, and the words there are."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {"HOST_API_LIMITS": text})
    assert str(caught.value).startswith("HOST_API_LIMITS (set by environment) ")
    assert message in str(caught.value)


def test_limits_of_apis_are_read_from_text_and_tables(tmp_path: Path) -> None:
    """A variable's text and the table of a host.toml say the same."""
    text = load(tmp_path, {"HOST_API_LIMITS": "stripe: rate=50, retries=5; pets : in_flight = 2 ;"})
    table = Settings(api_limits={"stripe": {"rate": 50, "retries": 5}, "pets": {"in_flight": 2}})
    assert text == table
    assert text.api_limits["stripe"].retries == 5
