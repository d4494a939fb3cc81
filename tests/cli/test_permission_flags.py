"""run's options for what a script may do and spend."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

CREATE = 'return new_product():name("x"):create()'
PAY = 'return new_payment_intent():amount(5000):currency("usd"):create()'
LIVE = "sk_live_51AbCdEfGhIjKlMnOpQr4242"


@pytest.mark.parametrize(
    ("flags", "code", "status", "told"),
    [
        (["--allow-op", "stripe.products.*"], CREATE, 0, ""),
        (["--allow-op", "stripe.prices.*", "--allow-op", "stripe.products.create"], CREATE, 0, ""),
        (["--allow-op", "stripe.prices.*"], CREATE, 1, "Grant it with --allow-op 'stripe.products.create'"),
        (["--deny-op", "*.create"], CREATE, 1, "denied by deny_ops '*.create'"),
        (["--read-only"], CREATE, 1, "read_only"),
        (["--read-only"], "return #stripe.products.list{}.data", 0, ""),
        (["--test-mode-only"], CREATE, 0, ""),
        (["--max-calls", "0"], CREATE, 5, "budget of 0 calls"),
        (["--max-mutations", "0"], CREATE, 5, "--max-mutations sets it"),
        (["--max-amount", "usd:4999"], PAY, 5, "of which 4,999 are left"),
        (["--max-amount", "usd:5000", "--max-amount", "eur:1"], PAY, 0, ""),
        (["--max-amount", "eur:5000"], PAY, 5, "no budget for usd"),
        (["--max-amount", "usd:1"], 'stripe.invoices.pay("in_1")', 5, "--allow-unbounded"),
        (["--max-amount", "usd:1", "--allow-unbounded"], 'stripe.invoices.pay("in_1")', 4, "No such invoice"),
        (["--max-amount", "usd"], CREATE, 2, "usd:50000"),
        (["--max-calls", "-1"], CREATE, 2, "--max-calls"),
        (["--allow-net", "https://x/"], CREATE, 2, "https://x/"),
        (["--deny-op", "stripe.product.*"], CREATE, 2, "matches no operation"),
        (["--config", "nowhere.toml"], CREATE, 3, "nowhere.toml: there is no such file"),
    ],
)
def test_flags(cli: Cli, flags: list[str], code: str, status: int, told: str) -> None:
    """Each option grants, denies or bounds; a refusal names the option, and the exit code its kind."""
    done = cli("run", "--simulate", *flags, "-e", code)
    assert done.status == status, done.err
    assert told in done.err
    assert "Traceback" not in done.err


def test_the_environment_is_granted_by_flag(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is there until named."""
    monkeypatch.setenv("APP_REGION", "eu")
    code = 'return env.APP_REGION or "none"'
    assert cli("run", "--simulate", "-e", code).out == "none\n"
    assert cli("run", "--simulate", "--allow-env", "APP_*", "-e", code).out == "eu\n"


def test_a_granted_secret_is_not_printed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by print, nor as the returned value, nor in what -vv shows."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_0123456789abcdefghij")
    code = "print(env.GITHUB_TOKEN) new_product():name(env.GITHUB_TOKEN):create() return env.GITHUB_TOKEN"
    done = cli("run", "--simulate", "-vv", "--allow-env", "GITHUB_TOKEN", "-e", code)
    assert done.status == 0
    assert "ghp_01" not in done.out + done.err


def test_a_live_key_is_refused_in_test_mode(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs, as a matter of configuration."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", LIVE)
    done = cli("run", "--test-mode-only", "-e", "return 1")
    assert done.status == 3
    assert "test_mode_only" in done.err
    assert LIVE not in done.err


def test_flags_win_over_the_file(cli: Cli, tmp_path: Path) -> None:
    """What a flag says takes the place of the file's; what no flag says stays as the file has it."""
    (tmp_path / "host.toml").write_text(
        '[permissions]\nallow_ops = ["stripe.prices.*"]\nenv = ["HOME"]\n[budget]\nmax_calls = 0\n'
    )
    assert "not granted" in cli("run", "--simulate", "-e", CREATE).err
    allowed = cli("run", "--simulate", "--allow-op", "stripe.products.*", "-e", CREATE)
    assert "budget of 0 calls" in allowed.err
    flags = ("--allow-op", "stripe.products.*", "--max-calls", "1")
    assert cli("run", "--simulate", *flags, "-e", CREATE).status == 0
    assert cli("run", "--simulate", *flags, "-e", "return env.HOME ~= nil").out == "true\n"


def test_another_file_can_be_named(cli: Cli, tmp_path: Path) -> None:
    """--config takes the place of this folder's host.toml."""
    (tmp_path / "host.toml").write_text("[permissions]\nread_only = true\n")
    (tmp_path / "other.toml").write_text("")
    assert cli("run", "--simulate", "-e", CREATE).status == 1
    assert cli("run", "--simulate", "--config", "other.toml", "-e", CREATE).status == 0
