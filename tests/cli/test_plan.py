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


def block(language: str, number: int = 1) -> str:
    """The first block of a language of the page about plans, or a later one."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found[number - 1])


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


def test_the_page_shows_what_is_printed_of_rows(cli: Cli, tmp_path: Path) -> None:
    """The plan of its rows, which can be applied: one price, and a payment for each."""
    (tmp_path / "invite.lua").write_text(block("lua", 2))
    (tmp_path / "rows.csv").write_text(block("csv"))
    done = cli("plan", "--simulate", "invite.lua", "--each", "rows.csv", "--out", "invite.plan")
    assert done.status == 0, done.err
    assert done.out == block("text", 3)
    applied = cli("apply", "invite.plan")
    assert applied.status == 0, applied.err
    assert "2 of 2 runs of the plan applied" in applied.err


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
    (tmp_path / "rows.csv").write_text("n\n1\n")
    for out in ("./a.lua", "./rows.csv"):
        done = cli("plan", "--simulate", "--out", out, "a.lua", "--each", "rows.csv")
        assert (done.status, "to another file" in done.err) == (2, True)
    assert (tmp_path / "rows.csv").read_text() == "n\n1\n"
    assert (tmp_path / "a.lua").read_text() == "return 1"


def test_a_plan_of_rows_is_applied_row_by_row(cli: Cli, tmp_path: Path) -> None:
    """Sections with the place of each row, totals, one file; applied in order, and once."""
    (tmp_path / "a.lua").write_text('stripe.payment_intents.create{amount = 500, currency = "usd"} return row.n')
    (tmp_path / "rows.csv").write_text("n\n1\n2\n")
    done = cli("plan", "--simulate", "a.lua", "--each", "rows.csv", "--out", "a.plan")
    assert done.status == 0, done.err
    assert "== 2. a.lua (rows.csv:3): 1 change, 0 reads\n" in done.out
    assert "In all: 2 changes, 0 reads in 2 runs\nAmounts, in minor units: usd 1,000\n" in done.out
    assert "python -m host apply a.plan" in done.err
    for _ in range(2):
        applied = cli("apply", "a.plan")
        assert (applied.status, applied.out) == (0, "1\n2\n"), applied.err
        assert "2 of 2 runs of the plan applied" in applied.err
    lines = [json.loads(line) for line in cli("apply", "--json", "a.plan").out.splitlines()]
    assert [(line["number"], line["row"], line["value"]) for line in lines] == [
        (1, "rows.csv:2", "1"), (2, "rows.csv:3", "2"),
    ]  # fmt: skip


def test_several_scripts_are_one_plan(cli: Cli, tmp_path: Path) -> None:
    """Each is a section, also of run --dry-run, and with --json a line."""
    (tmp_path / "a.lua").write_text('new_product():name("a"):create()')
    (tmp_path / "b.lua").write_text("new_coupon():percent_off(5):create() return args[1]")
    for words in (("plan",), ("run", "--dry-run")):
        done = cli(*words, "--simulate", "--json", "a.lua", "b.lua", "--", "x")
        *plans, summary = [json.loads(line) for line in done.out.splitlines()]
        assert [(plan["script"], plan["args"], len(plan["changes"])) for plan in plans] == [
            ("a.lua", ["x"], 1), ("b.lua", ["x"], 1),
        ]  # fmt: skip
        assert (summary["runs"], summary["changes"], summary["failed"]) == (2, 2, 0)


def test_rows_that_fail_are_shown_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    """All rows are planned; the exit code is that of the first failure."""
    (tmp_path / "a.lua").write_text('if row.n == "2" then error("no") end new_coupon():percent_off(5):create()')
    (tmp_path / "rows.csv").write_text("n\n1\n2\n3\n")
    done = cli("plan", "--simulate", "a.lua", "--each", "rows.csv", "--out", "a.plan")
    assert done.status == 1
    assert "The script failed here: a.lua:1: no" in done.out
    assert "== 3. a.lua (rows.csv:4): 1 change" in done.out
    assert "In all: 2 changes, 0 reads in 3 runs, 1 failed" in done.out
    assert "is not written" in done.err
    assert not (tmp_path / "a.plan").exists()
    bad = cli("plan", "--simulate", "a.lua", "--each", "none.csv")
    assert (bad.status, "none.csv cannot be read" in bad.err) == (2, True)


def test_an_apply_that_stops_says_at_which_row(cli: Cli, tmp_path: Path) -> None:
    """The change that differs, the row it is of, and that nothing of it was sent."""
    (tmp_path / "a.lua").write_text(
        'local n = row.n if row.n == "2" then n = require("m") end new_product():name(n):create()'
    )
    (tmp_path / "m.lua").write_text("return 'planned'")
    (tmp_path / "rows.csv").write_text("n\n1\n2\n3\n")
    assert cli("plan", "--simulate", "a.lua", "--each", "rows.csv", "--out", "a.plan").status == 0
    (tmp_path / "m.lua").write_text("return 'other'")
    done = cli("apply", "a.plan")
    assert done.status == 1
    assert "1 of 3 runs of the plan applied" in done.err
    assert "stopped at run 2, a.lua (rows.csv:3)" in done.err
    assert "name was planned 'planned' and is 'other'" in done.err


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
        (("run", "--dry-run", "--simulate", "--repeat", "2", "-e", "return 1"), 2, "--dry-run plans run after run"),
        (("run", "--dry-run", "--simulate", "--durable", "-e", "return 1"), 2, "--dry-run plans run after run"),
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
    assert "without making these planned changes: stripe.products.create at a.lua:1" in done.err
    assert "to continue" not in done.err


def test_a_real_plan_is_not_applied_by_the_simulator(cli: Cli, tmp_path: Path) -> None:
    """--simulate contradicts it."""
    with Host(stripe_secret_key="sk_test_x") as host:
        host.plan('stripe.products.create{name = "a"}').save("a.plan")
    done = cli("apply", "--simulate", "a.plan")
    assert done.status == 2
    assert "not for the simulator" in done.err
