"""Real or simulated: decided by key, terminal and what was asked for."""

from __future__ import annotations

import pytest

from host.cli.live_or_simulated import choose
from host.errors import ConfigError, UsageError
from host.secret import Secret
from host.settings import Settings
from host.stripe_key import DEMO_KEY

NO_KEY = Settings()
TEST = Settings(stripe_secret_key=Secret("sk_test_51AbCdEfGhIjKlMnOpQr4242"))
LIVE = Settings(stripe_secret_key=Secret("sk_live_51AbCdEfGhIjKlMnOpQr9999"))
OTHER = Settings(stripe_secret_key=Secret("a-token-of-another-form"), stripe_api_base="https://stripe.example")


def test_a_test_key_is_used_without_a_word() -> None:
    """With a test key a run is real and says nothing, at a terminal or not."""
    for at_terminal in (True, False):
        mode = choose(TEST, simulate=False, at_terminal=at_terminal, command="a.lua")
        assert (mode.simulate, mode.notice) == (False, None)


def test_a_live_key_is_said_masked() -> None:
    """A live key is announced, with where calls go, and not shown."""
    notice = choose(LIVE, simulate=False, at_terminal=False, command="a.lua").notice
    assert notice is not None
    assert "LIVE" in notice
    assert "sk_live_…9999" in notice
    assert "https://api.stripe.com" in notice
    assert "AbCd" not in notice


def test_without_a_key_a_terminal_gets_the_simulator_loudly() -> None:
    """The notice is one line that says so and how to go live."""
    mode = choose(NO_KEY, simulate=False, at_terminal=True, command="a.lua")
    assert mode.simulate
    assert mode.notice is not None
    assert "\n" not in mode.notice
    assert "SIMULATED" in mode.notice
    assert "STRIPE_SECRET_KEY=" in mode.notice


def test_without_a_key_elsewhere_nothing_runs_and_two_commands_are_given() -> None:
    """A scheduled job is refused with exit code 3 and the two commands that would work."""
    with pytest.raises(ConfigError) as caught:
        choose(NO_KEY, simulate=False, at_terminal=False, command="a.lua --fast")
    assert caught.value.exit_code == 3
    assert "python -m host run --simulate a.lua --fast" in str(caught.value)
    assert "STRIPE_SECRET_KEY=sk_… python -m host run a.lua --fast" in str(caught.value)


def test_the_demo_key_is_named_as_the_reason() -> None:
    """Whoever copied .env.example is told that its placeholder is no key."""
    settings = Settings.load(environ={"STRIPE_SECRET_KEY": DEMO_KEY}, cwd="/nowhere")
    with pytest.raises(ConfigError, match="the demo key"):
        choose(settings, simulate=False, at_terminal=False, command="a.lua")


def test_asked_for_simulation_wins_over_any_key() -> None:
    """--simulate never uses the key and needs no notice."""
    mode = choose(LIVE, simulate=True, at_terminal=False, command="a.lua")
    assert (mode.simulate, mode.notice) == (True, None)


@pytest.mark.parametrize("settings", [NO_KEY, LIVE, OTHER])
def test_require_test_insists(settings: Settings) -> None:
    """--require-test refuses a live key, an unknown key and none, also at a terminal."""
    with pytest.raises(ConfigError, match="--require-test"):
        choose(settings, simulate=False, at_terminal=True, command="a.lua", require="test")


@pytest.mark.parametrize("settings", [NO_KEY, TEST, OTHER])
def test_require_live_insists(settings: Settings) -> None:
    """--require-live refuses everything but a live key, also at a terminal."""
    with pytest.raises(ConfigError, match="--require-live"):
        choose(settings, simulate=False, at_terminal=True, command="a.lua", require="live")


def test_what_is_required_and_there_is_fine() -> None:
    """The right key passes; a simulated run satisfies --require-test and contradicts --require-live."""
    assert not choose(LIVE, simulate=False, at_terminal=False, command="a", require="live").simulate
    assert not choose(TEST, simulate=False, at_terminal=False, command="a", require="test").simulate
    assert choose(LIVE, simulate=True, at_terminal=False, command="a", require="test").simulate
    with pytest.raises(UsageError):
        choose(LIVE, simulate=True, at_terminal=False, command="a", require="live")
