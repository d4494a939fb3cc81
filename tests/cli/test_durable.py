"""run --durable, resume and runs, as typed."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

SCRIPT = """
print("begun")
local product = new_product():name("A"):create()
local price = new_price():product(product):currency("usd"):amount(2999):create()
pcall(function() new_price():product("prod_none"):currency("usd"):amount(1):create() end)
return product
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "s.lua").write_text(SCRIPT)


def test_a_run_its_statement_and_its_undoing(cli: Cli) -> None:
    """Run, list, show (time, line, operation, id, amount, outcome), undo in reverse, delete."""
    done = cli("run", "--simulate", "--durable", "--run-id", "bill", "s.lua")
    assert done.status == 0, done.err
    assert "python -m host resume bill" in done.err
    product = done.out.splitlines()[-1]
    assert re.search(r"^bill +done +simulated .* 3 +s\.lua$", cli("runs", "list").out, re.MULTILINE)
    shown = cli("runs", "show", "bill").out
    assert re.search(rf"\d\d:\d\d:\d\d  3     stripe\.products\.create +{product} +done", shown)
    assert re.search(r" 4     stripe\.prices\.create +price_\w+ +29\.99 USD +done", shown)
    assert re.search(r"stripe\.prices\.create +rejected: No such product", shown)
    rows = [json.loads(line) for line in cli("runs", "show", "bill", "--json").out.splitlines()]
    assert [(row["operation"], row["outcome"]) for row in rows] == [
        ("stripe.products.create", "done"),
        ("stripe.prices.create", "done"),
        ("stripe.prices.create", "rejected"),
    ]
    plan = cli("runs", "undo", "bill", "--dry-run").out.splitlines()
    assert [line.split()[2] for line in plan] == ["stripe.prices.create", "stripe.products.create"]
    undone = cli("runs", "undo", "bill")
    assert undone.status == 0, undone.err
    assert [line.split()[-1] for line in undone.out.splitlines()] == [
        "stripe.prices.update",
        "stripe.products.update",  # what has prices is not deleted
    ]
    assert "deleted" in cli("runs", "delete", "bill").out
    assert cli("runs", "show", "bill").status == 2
    assert cli("runs", "list").out == "no runs\n"  # what undid it is forgotten with it
    assert cli("run", "--simulate", "--run-id", "old", "-e", "return 1").status == 0
    assert "deleted 1 run" in cli("runs", "prune", "--older-than", "0s").out


def test_the_same_command_again_does_nothing_more(cli: Cli) -> None:
    """A done run gives its value again; --force-new makes new things."""
    command = ("run", "--simulate", "--run-id", "again", "s.lua")
    first = cli(*command).out.splitlines()[-1]
    assert cli(*command).out == first + "\n"
    assert cli("resume", "again").out == first + "\n"
    assert cli(*command, "--force-new").out.splitlines()[-1] != first


def test_a_done_run_ends_with_its_exit_status_again(cli: Cli) -> None:
    """What the script gave os.exit is the status of run, of the same command again and of resume; it says why."""
    command = ("run", "--simulate", "--run-id", "left", "-e", "new_product():name('a'):create() os.exit(7)")
    assert [cli(*command).status, cli(*command).status, cli("resume", "left").status] == [7, 7, 7]
    Path(".env").write_text("HOST_LOG_LEVEL=info\n")
    assert "the run is done" in cli("resume", "left").err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resume", "nothing"), "there is no run nothing"),
        (("run", "--simulate", "--force-new", "s.lua"), "--force-new starts a run over"),
        (("run", "--simulate", "--run-id", "a b", "s.lua"), "a run's id is"),
        (("run", "--simulate", "--durable", "--processes", "2", "s.lua"), "durable runs need a host of one process"),
        (("runs", "prune", "--older-than", "soon"), "expected a number with"),
    ],
)
def test_what_makes_no_sense(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    """Refused with exit code 2, saying what was expected."""
    done = cli(*arguments)
    assert done.status == 2
    assert message in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_says_how_to_go_on(
    process: Callable[..., subprocess.Popen[bytes]], cli: Cli, tmp_path: Path, number: int
) -> None:
    """128 + the signal, the command that goes on as the last line; and it does go on."""
    script = tmp_path / "long.lua"
    script.write_text('print(new_product():name("A"):create()) sleep(600) return "never"')
    child = process("run", "--simulate", "--run-id", "long", "long.lua")
    assert child.stdout is not None
    product = child.stdout.readline().decode().strip()
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 128 + number
    assert err.decode().splitlines()[-1] == "to continue: python -m host resume long"
    assert "interrupted" in cli("runs", "list").out
    script.write_text('print(new_product():name("A"):create()) sleep(600) return "never"'.replace("600", "0.001"))
    changed = cli("resume", "long")
    assert changed.status == 1
    assert "sleep" in changed.err
    script.write_text('print(new_product():name("A"):create()) return 1')
    assert product.startswith("prod_")
    assert product in cli("runs", "show", "long").out


def ids(out: str) -> list[str]:
    """What each run of a batch returned."""
    return [line.partition(": ")[2] for line in out.splitlines()]


def test_a_batch_broken_off_is_gone_on_with_by_the_same_command(
    process: Callable[..., subprocess.Popen[bytes]], cli: Cli, tmp_path: Path
) -> None:
    """Of six rows two are done when the process is killed: the command it told makes the other four, in the same
    simulator, and gives the results of all."""
    rows = "".join(json.dumps({"n": n, "slow": n > 2}) + "\n" for n in range(1, 7))
    (tmp_path / "rows.jsonl").write_text(rows)
    script = """
      local id = new_product():name("row " .. row.n):create()
      while row.slow do end
      return id"""
    (tmp_path / "each.lua").write_text(script)
    given = ("run", "--simulate", "--durable", "--each", "rows.jsonl", "--jobs", "3", "each.lua")
    child = process(*given)
    assert child.stdout is not None
    assert child.stderr is not None
    told = child.stderr.readline().decode()
    found = re.fullmatch(r"durable batch (\w+); if it is interrupted: python -m host (run --run-id \1 .*)\n", told)
    assert found is not None, told
    products = {child.stdout.readline().decode().split()[1] for _ in range(2)}
    child.kill()
    child.communicate()

    (tmp_path / "each.lua").write_text(script.replace("while row.slow do end", ""))
    resumed = cli("resume", found[1])  # those that had begun
    assert resumed.status == 0, resumed.err
    assert "runs of this batch are done" in resumed.err
    assert not products & set(ids(resumed.out))
    done = cli(*shlex.split(found[2]))
    assert done.status == 0, done.err
    assert len(ids(done.out)) == 6
    assert products < set(ids(done.out))
    assert sorted(ids(done.out)) == sorted(ids(cli(*shlex.split(found[2])).out))  # given as they end
    runs = cli("runs", "list").out.splitlines()
    assert sum(" done " in line for line in runs) == 6


def test_a_batch_whose_rows_have_changed_says_so_for_each(cli: Cli, tmp_path: Path) -> None:
    """A run of a number that was another's is not run; --force-new starts all of them over."""
    (tmp_path / "rows.csv").write_text("name\nA\nB\n")
    (tmp_path / "each.lua").write_text("return new_product():name(row.name):create()")
    command = ("run", "--simulate", "--run-id", "b", "--each", "rows.csv", "each.lua")
    first = ids(cli(*command).out)
    assert len(first) == 2
    (tmp_path / "rows.csv").write_text("name\nA\nC\nB\n")
    done = cli(*command)
    assert done.status != 0
    assert "run b.2 was started with other arguments or globals" in done.err
    assert done.err.splitlines()[-1] == "to continue: python -m host run --simulate --run-id b --each rows.csv each.lua"
    assert (len(ids(done.out)), len(set(ids(done.out)) & set(first))) == (2, 1)
    over = ids(cli(*command, "--force-new").out)
    assert len(over) == 3
    assert not set(over) & set(first)
