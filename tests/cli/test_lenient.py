"""--lenient: what the simulator does not model is refused with a hint, or answered by shape and listed at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from host import Host
from tests.cli.conftest import Cli

SCRIPT = 'print(stripe.customers.create{tax = {validate_location = "immediately"}}.object)'
LISTED = "customers.create: the parameter tax[validate_location]"


def test_without_it_the_run_fails_names_the_parameter_and_says_the_way(cli: Cli) -> None:
    """Without ``--lenient`` the run fails, names the parameter and says what to do."""
    done = cli("run", "--simulate", "-e", SCRIPT)
    assert done.status == 4
    assert "tax[validate_location]" in done.err
    assert "code not_simulated" in done.err
    assert "outcome rejected" in done.err
    assert "--lenient" in done.err


@pytest.mark.parametrize("way", ["--lenient", "HOST_LENIENT"])
def test_with_it_the_run_ends_with_what_was_not_modelled(cli: Cli, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """With ``--lenient`` the run's end names what was not modelled."""
    if way == "HOST_LENIENT":
        monkeypatch.setenv(way, "true")
    done = cli("run", "--simulate", *([way] if way.startswith("--") else []), "-e", SCRIPT)
    assert (done.status, done.out) == (0, "customer\n")
    assert done.err.splitlines()[-2:] == ["not modelled, answered from the schema alone:", f"  {LISTED}"]


def test_a_batch_lists_it_once(cli: Cli, tmp_path: Path) -> None:
    """What three runs came upon is listed a single time, for all of them."""
    script = tmp_path / "one.lua"
    script.write_text(SCRIPT)
    done = cli("run", "--simulate", "--lenient", "--repeat", "3", str(script))
    assert done.status == 0
    assert done.err.count(LISTED) == 1


def test_tests_are_lenient_when_asked(cli: Cli, tmp_path: Path) -> None:
    """``luahost test`` refuses what is not modelled, and with ``--lenient`` lists it."""
    file = tmp_path / "tax_test.lua"
    file.write_text(f'it("is answered", function() {SCRIPT} end)')
    assert cli("test", str(file)).status == 1
    done = cli("test", "--lenient", str(file))
    assert done.status == 0
    assert LISTED in done.out


def test_it_is_about_the_simulator_only(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real API ``--lenient`` is a usage error that names ``--simulate``."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_abcdefgh1234")
    done = cli("run", "--lenient", "-e", "return 1")
    assert done.status == 2
    assert "--simulate" in done.err


def test_a_program_asks_its_host() -> None:
    """``Host(lenient=True).not_modelled`` has what was answered by shape; a strict host raises ``not_simulated``."""
    with Host(simulate=True, lenient=True) as host:
        assert host.run_source(SCRIPT).error is None
        assert host.not_modelled == (LISTED,)
    with Host(simulate=True) as host:
        error = host.run_source(SCRIPT).error
        assert error is not None
        assert (error.status, error.code, error.outcome) == (501, "not_simulated", "rejected")


def test_many_refusals_open_no_circuit_breaker() -> None:
    """The server is well when it says that it does not know how."""
    refused = "for _ = 1, 30 do pcall(stripe.customers.create, {tax = {validate_location = 'immediately'}}) end"
    with Host(simulate=True, request_deadline=5.0) as host:  # an open breaker is told of after this
        result = host.run_source(f"{refused} return stripe.customers.create{{}}.object")
        assert (result.error, result.value) == (None, "customer")
