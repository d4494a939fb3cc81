"""``plan``, ``run --dry-run`` and ``apply``, as typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from host import Host
from tests.cli.conftest import ROOT, Cli

PAGE = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def block(language: str) -> str:
    """The first block of a language of the page about plans."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_shows_what_is_printed(cli: Cli, tmp_path: Path) -> None:
    """Its script gives its statement, which can be applied; its program runs."""
    (tmp_path / "gold.lua").write_text(block("lua").partition("\n")[2])
    done = cli("plan", "--simulate", "gold.lua", "--out", "gold.plan")
    assert done.status == 0
    assert shifted(done.out) == block("text")
    assert "apply gold.plan" in done.err
    applied = cli("apply", "gold.plan")
    assert applied.status == 0, applied.err
    again = cli("apply", "gold.plan")
    assert again.status == 0
    assert "nothing is done again" in again.err


def shifted(text: str) -> str:
    """The lines as they are with the comment above the script."""
    return re.sub(r"gold\.lua:(\d+)", lambda found: f"gold.lua:{int(found[1]) + 1}", text)


def test_the_program_of_the_page_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands there."""
    (tmp_path / "gold.lua").write_text(block("lua"))
    exec(compile(block("python"), "planning.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "None"


def test_json_has_the_same(cli: Cli) -> None:
    """One object, also of run --dry-run; the script's own output is not in it."""
    code = 'print("hello") return stripe.payment_intents.create{amount = 5, currency = "usd"}.id'
    for words in (("plan",), ("run", "--dry-run")):
        done = cli(*words, "--simulate", "--json", "-e", code)
        said = json.loads(done.out)
        assert (done.status, said["amounts"], said["open_amounts"], said["error"]) == (0, {"usd": 5}, 0, None)
        assert [change["operation"] for change in said["changes"]] == ["stripe.payment_intents.create"]
        assert said["changes"][0]["parameters"] == {"amount": 5, "currency": "usd"}


def test_a_script_that_fails_has_its_error_and_no_file(cli: Cli, tmp_path: Path) -> None:
    """What was planned until there is shown; the exit code is the error's."""
    code = 'stripe.products.create{name = "a"} error("stop")'
    done = cli("plan", "--simulate", "--out", "a.plan", "-e", code)
    assert done.status == 1
    assert "stripe.products.create" in done.out
    assert "stop" in done.err
    assert not (tmp_path / "a.plan").exists()


def test_a_plan_is_not_written_over_its_script(cli: Cli, tmp_path: Path) -> None:
    """A name typed twice costs nobody a script."""
    (tmp_path / "a.lua").write_text("return 1")
    done = cli("plan", "--simulate", "--out", "./a.lua", "a.lua")
    assert (done.status, "is the script itself" in done.err) == (2, True)
    assert (tmp_path / "a.lua").read_text() == "return 1"


def test_several_scripts_and_rows_are_refused_by_name(cli: Cli, tmp_path: Path) -> None:
    """A plan is of one script and one run of it."""
    for name in ("a.lua", "b.lua"):
        (tmp_path / name).write_text("return 1")
    done = cli("plan", "--simulate", "a.lua", "b.lua")
    assert (done.status, "a plan is of one script, and 2 are given" in done.err) == (2, True)
    done = cli("plan", "--simulate", "a.lua", "--each", "rows.csv")
    assert (done.status, "--each" in done.err) == (2, True)


def test_a_script_that_changed_since_is_not_applied(cli: Cli, tmp_path: Path) -> None:
    """It is named, and nothing is begun."""
    (tmp_path / "a.lua").write_text('stripe.products.create{name = "a"}')
    assert cli("plan", "--simulate", "--out", "a.plan", "a.lua").status == 0
    (tmp_path / "a.lua").write_text('stripe.products.create{name = "b"}')
    done = cli("apply", "a.plan")
    assert done.status == 2
    assert "has changed since the plan was made" in done.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("plan", "--simulate"), 2, "give a script"),
        (("plan", "--simulate", "none.lua"), 2, "there is no script none.lua"),
        (("plan", "-e", "return 1"), 3, "python -m host plan --simulate"),
        (("plan", "--simulate", "--out", "none/a.plan", "-e", "return 1"), 3, "cannot be written"),
        (("apply", "none.plan"), 2, "cannot be read"),
        (("apply",), 2, "FILE"),
        (("run", "--dry-run", "--simulate", "--repeat", "2", "-e", "return 1"), 2, "--dry-run is for one run"),
        (("run", "--dry-run", "--simulate", "--durable", "-e", "return 1"), 2, "--dry-run is for one run"),
    ],
)
def test_what_cannot_be_is_said(cli: Cli, words: tuple[str, ...], status: int, said: str) -> None:
    """Each with what was expected, and no traceback."""
    done = cli(*words)
    assert (done.status, said in done.err) == (status, True), done.err
    assert "Traceback" not in done.err


def test_a_difference_ends_the_command_without_telling_to_go_on(cli: Cli, tmp_path: Path) -> None:
    """Going on would come to the same change."""
    code = 'local c = stripe.products.create{name = "a"} if #c.id > 17 then stripe.products.create{name = "b"} end'
    (tmp_path / "a.lua").write_text(code.replace("> 17", "== 17"))
    assert cli("plan", "--simulate", "--out", "a.plan", "a.lua").status == 0
    done = cli("apply", "a.plan")
    assert done.status == 1
    assert "planned and not made: stripe.products.create at a.lua:1" in done.err
    assert "to go on" not in done.err


def test_a_real_plan_is_not_applied_by_the_simulator(cli: Cli, tmp_path: Path) -> None:
    """--simulate contradicts it."""
    with Host(stripe_secret_key="sk_test_x") as host:
        host.plan('stripe.products.create{name = "a"}').save("a.plan")
    done = cli("apply", "--simulate", "a.plan")
    assert done.status == 2
    assert "not for the simulator" in done.err
