"""Commands about durable runs, as typed: decisions, batches, and what messages say to type next."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

CHANGES = 'new_product():name("a"):create()\nerror("stop")\n'


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "stop.lua").write_text(CHANGES)


def commands(text: str) -> list[list[str]]:
    """Every command a text tells to type, as a shell takes it apart."""
    found = re.findall(r"(?:luahost|python -m host) ((?:resume|runs|run) [^\n;,]*)", text)
    return [shlex.split(each) for each in found]


JOURNAL = "my runs.sqlite"
MADE = ("run", "--simulate", "--run-id", "done", "-e", "return 1")


@pytest.mark.parametrize(
    ("before", "given"),
    [
        ([], ("run", "--simulate", "--run-id", "r", "stop.lua")),
        ([], ("run", "--simulate", "--durable", "--run-id", "b", "--repeat", "2", "stop.lua")),
        ([MADE], ("resume", "nowhere")),
        ([MADE], ("runs", "show", "nowhere")),
        ([MADE], ("runs", "undo", "nowhere")),
        ([("run", "--simulate", "--run-id", "r", "stop.lua")], ("resume", "r")),
        (
            [("run", "--simulate", "--run-id", "r", "stop.lua"), ("runs", "undo", "r")],
            ("run", "--simulate", "--run-id", "r", "stop.lua"),
        ),
        (
            [("run", "--simulate", "--run-id", "r", "-e", 'new_product():name("a"):create() error("x")')],
            ("resume", "r"),
        ),
    ],
)
def test_each_command_that_is_told_names_the_journal_it_needs(
    cli: Cli, before: list[tuple[str, ...]], given: tuple[str, ...]
) -> None:
    """Quoted for a shell, also where its name has spaces; a journal in its usual place is not named."""
    for each in before:
        cli(*each[:1], "--journal", JOURNAL, *each[1:]) if each[0] != "runs" else cli(*each, "--journal", JOURNAL)
    done = cli(*given, "--journal", JOURNAL) if given[0] != "run" else cli("run", "--journal", JOURNAL, *given[1:])
    assert done.status != 0
    told = commands(done.err + done.out)
    assert told, done.err
    for command in told:
        assert command[command.index("--journal") + 1] == JOURNAL, command
    usual = cli(*given)
    assert "--journal" not in usual.err


def test_what_was_said_to_protect_a_run_is_said_again(cli: Cli, tmp_path: Path) -> None:
    """Budget, permissions and files of settings stand in the command that goes on; what was about the one command
    does not."""
    (tmp_path / "my.env").write_text("")
    options = ["--max-mutations", "3", "--deny-op", "stripe.refunds.*", "--env-file", "my.env"]
    done = cli("run", "--simulate", "--run-id", "r", "--json", "-v", "--timeout", "50", *options, "stop.lua")
    [command, *_] = commands(done.err)
    assert command[:2] == ["resume", "r"]
    assert dict(zip(command[2::2], command[3::2], strict=True)) == dict(zip(options[::2], options[1::2], strict=True))
    assert "stop" in cli(*command).err


def test_a_database_password_is_not_said_again(cli: Cli) -> None:
    """Neither in the command that goes on nor in the error."""
    url = "postgresql://me:hunter2secret@127.0.0.1:9/x?connect_timeout=2&password=hunter2secret"
    for given in (("run", "--simulate", "--durable", "stop.lua"), ("run", "--durable", "--repeat", "2", "stop.lua")):
        done = cli(given[0], "--journal", url, "--simulate", *given[1:])
        assert done.status == 3
        assert "hunter2secret" not in done.err + done.out
        assert "me:***@127.0.0.1" in done.err.splitlines()[0]


def in_doubt(cli: Cli) -> None:
    """A change whose key is too old to be trusted, and whose answer is not recorded."""
    import sqlite3

    assert cli("run", "--simulate", "--run-id", "r", "-e", 'return new_product():name("a"):create()').status == 0
    with sqlite3.connect("data/luahost/journal.sqlite") as db:
        db.execute("DELETE FROM luahost_record WHERE kind <> 'sent'")
        db.execute("UPDATE luahost_record SET at = at - 90000, seq = 1")
        db.execute("UPDATE luahost_run SET status = 'running', owner = NULL, calls = 0")
    db.close()


def test_a_decision_is_typed_as_the_message_says(cli: Cli) -> None:
    """The command of the hint skips; it is taken back with an answer, which the run ends with."""
    in_doubt(cli)
    assert re.search(r"^r +broken off .* 1 +-e$", cli("runs", "list").out, re.MULTILINE)
    assert "in doubt: call 1 of task 1" in cli("runs", "show", "r").out
    asked = cli("resume", "r")
    assert asked.status == 1
    told = next(each for each in commands(asked.err) if "--in-doubt" in each)
    assert told == ["resume", "r", "--in-doubt", "call 1 of task 1=skip"]
    bounded = cli("resume", "r", "--max-mutations", "7")  # what the run needs is in the command, too
    told = next(each for each in commands(bounded.err) if "--in-doubt" in each)
    assert told == ["resume", "r", "--max-mutations", "7", "--in-doubt", "call 1 of task 1=skip"]
    skipped = cli(*told)
    assert "is skipped" in skipped.err
    done = cli("resume", "r", "--in-doubt", 'call 1 of task 1=done:"prod_1"')
    assert (done.status, done.out) == (0, "prod_1\n")
    assert cli("resume", "r", "--in-doubt", "call 1 of task 1=repeat").status == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("maybe",), "expected ask, skip, repeat, or CALL=skip"),
        (("call 1 of task 1=maybe",), "'maybe' is not a decision"),
        (("call 2 of task 1=skip",), "there are: stripe.products.create (call 1 of task 1)"),
        (("call 1 of task 1=done",), "answers with an object"),
        (("call 1 of task 1=done:{",), "is not JSON"),
        (("skip", "call 1 of task 1=repeat"), "applies to all calls and cannot be combined"),
        (("call 1 of task 1=skip", "call 1 of task 1=repeat"), "has two decisions"),
    ],
)
def test_what_is_no_decision(cli: Cli, options: tuple[str, ...], message: str) -> None:
    """Refused as usage, naming the calls or words there are."""
    in_doubt(cli)
    done = cli("resume", "r", *(part for each in options for part in ("--in-doubt", each)))
    assert done.status == 2, done.err
    assert message in done.err


def test_a_batch_is_shown_resumed_undone_and_deleted_by_its_id(cli: Cli, tmp_path: Path) -> None:
    """All its runs, the last first where they are undone; each says undone afterwards."""
    (tmp_path / "rows.csv").write_text("name\nA\nB\nC\n")
    script = 'local id = new_product():name(row.name):create() if row.name == "B" then error("halt") end return id'
    (tmp_path / "each.lua").write_text(script)
    assert cli("run", "--simulate", "--run-id", "b", "--each", "rows.csv", "each.lua").status == 1
    (tmp_path / "each.lua").write_text(script.replace('error("halt")', ""))
    assert cli("resume", "b", "--in-doubt", "call 1 of task 1=skip").status == 2
    resumed = cli("resume", "b")
    assert resumed.status == 0, resumed.err
    assert re.fullmatch(r"b\.2: prod_\w+\n", resumed.out)
    shown = cli("runs", "show", "b").out
    assert "batch of 3 runs: 3 done" in shown
    assert shown.count("stripe.products.create") == 3
    plan = cli("runs", "undo", "b", "--dry-run")
    ids = re.findall(r"prod_\w+", plan.out)
    assert ids == re.findall(r"prod_\w+", shown)[::-1]
    undone = cli("runs", "undo", "b")
    assert undone.status == 0, undone.err
    assert re.findall(r"prod_\w+", undone.out) == ids
    assert "batch of 3 runs: 3 undone" in cli("runs", "show", "b").out
    again = cli("runs", "undo", "b")
    assert (again.status, again.out) == (0, "")
    refused = cli("run", "--simulate", "--run-id", "b", "--each", "rows.csv", "each.lua")
    assert refused.status == 2
    assert "was undone" in refused.err
    assert "--force-new" in refused.err
    assert cli("runs", "delete", "b").status == 0
    assert cli("runs", "list").out == "no runs\n"


def test_one_fault_has_one_exit_code(cli: Cli, tmp_path: Path) -> None:
    """A run given with other arguments than before ends the same way alone and in a batch."""
    (tmp_path / "two.csv").write_text("n\n1\n")
    (tmp_path / "each.lua").write_text("return 1")
    assert cli("run", "--simulate", "--run-id", "b", "--each", "two.csv", "each.lua").status == 0
    (tmp_path / "two.csv").write_text("n\n2\n")
    batch = cli("run", "--simulate", "--run-id", "b", "--each", "two.csv", "each.lua")
    alone = cli("run", "--simulate", "--run-id", "b.1", "each.lua")
    assert (batch.status, alone.status) == (2, 2)
    for done in (batch, alone):
        assert "run b.1 was started with other arguments or globals" in done.err
