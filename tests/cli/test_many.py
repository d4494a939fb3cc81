"""run with many scripts, rows and repeats: what is run, what is said, and the exit code."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def folder(clean: None, tmp_path: Path) -> None:
    """a.lua says what it got, b.lua fails, c.lua makes a call."""
    files = {
        "a.lua": 'return "a" .. table.concat(args, ",") .. (row and row.name or "")',
        "b.lua": 'error("boom")',
        "c.lua": 'return new_product():name("x"):create()',
        "404.lua": 'stripe.products.retrieve("prod_nowhere")',
        "three.lua": "os.exit(3)",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)


def results(out: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The results in the order of their numbers, and the summary."""
    *lines, last = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["result"] * len(lines)
    assert last["event"] == "summary"
    return sorted(lines, key=lambda line: line["number"]), last


def test_several_scripts_run_and_get_what_is_behind_the_dashes(cli: Cli) -> None:
    """Names ending in .lua are scripts; values are printed as runs end, the summary goes to stderr."""
    done = cli("run", "--simulate", "a.lua", "c.lua", "a.lua", "--", "x", "y.lua")
    assert done.status == 0
    lines = sorted(done.out.splitlines())
    assert lines[:2] == ["ax,y.lua", "ax,y.lua"]
    assert lines[2].startswith("prod_")
    assert done.err.startswith("3 runs, 0 failed · p50 ")
    assert "1 call" in done.err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("a.lua", "--", "b.lua"), "ab.lua"),
        (("a.lua", "b.lua", "x"), "ab.lua,x"),
        (("a.lua", "x", "b.lua"), "ax,b.lua"),
        (("a.lua", "x", "--", "b.lua"), "ax,b.lua"),
    ],
)
def test_one_script_keeps_its_arguments(cli: Cli, arguments: tuple[str, ...], found: str) -> None:
    """Unless all names before -- end in .lua there is one script, and the rest are its arguments."""
    done = cli("run", "--simulate", *arguments)
    assert (done.status, done.out, done.err) == (0, f"{found}\n", "")


def test_a_missing_script_among_several_is_named_before_anything_runs(cli: Cli) -> None:
    """Status 2, with the way to give such a name as an argument."""
    done = cli("run", "--simulate", "a.lua", "no.lua")
    assert (done.status, done.out) == (2, "")
    assert "there is no script no.lua" in done.err
    assert "behind --" in done.err


@pytest.mark.parametrize(
    ("scripts", "status"),
    [
        (("a.lua", "b.lua"), 1),
        (("a.lua", "404.lua"), 4),
        (("404.lua", "404.lua"), 4),
        (("b.lua", "404.lua"), 1),
        (("a.lua", "three.lua"), 3),
        (("a.lua", "c.lua"), 0),
    ],
)
def test_the_status_is_that_of_the_failures(cli: Cli, scripts: tuple[str, ...], status: int) -> None:
    """0 if none failed; theirs if it is the same for all that did; else 1."""
    assert cli("run", "--simulate", *scripts).status == status


def test_a_failure_is_told_with_its_place(cli: Cli) -> None:
    """Which run, and the error as one run alone would show it."""
    done = cli("run", "--simulate", "a.lua", "b.lua")
    assert done.out == "a\n"
    assert "b.lua #2 failed: b.lua:1: boom" in done.err
    assert "2 runs, 1 failed" in done.err
    assert "Traceback" not in done.err


def test_json_is_a_line_for_each_result_and_one_for_all(cli: Cli) -> None:
    """Every result with its value, output and error; the summary last; stdout holds nothing else."""
    done = cli("run", "--simulate", "--json", "-e", 'print("hi")', "--repeat", "3")
    lines, summary = results(done.out)
    assert done.status == 0
    assert done.err == ""
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert {line["output"] for line in lines} == {"hi\n"}
    names = {"number", "script", "run_id", "ok", "value", "output", "calls", "duration", "simulated", "error"}
    assert set(lines[0]) == {"event", *names}
    marks = {name: summary.pop(name) for name in ("p50", "p95", "p99", "duration")}
    assert 0 < marks["p50"] <= marks["p95"] <= marks["p99"] <= marks["duration"]
    assert summary == {"event": "summary", "runs": 3, "failed": 0, "calls": 0, "not_started": 0}

    lines, summary = results(cli("run", "--simulate", "--json", "404.lua", "three.lua").out)
    assert [line["ok"] for line in lines] == [False, False]
    assert lines[0]["error"]["kind"] == "api"
    assert lines[0]["error"]["status"] == 404
    assert (lines[1]["error"], lines[1]["exit_status"]) == (None, 3)
    assert (summary["failed"], summary["calls"]) == (2, 1)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_each_row_is_a_run(cli: Cli, tmp_path: Path, processes: str) -> None:
    """CSV by its header, quoted fields and a byte order mark too; every script, repeated, for every row."""
    text = '\ufeffname,mail\r\nAnn,a@x\r\n\r\n"Bo, B",b@x\r\n"C\nD",\r\n'
    (tmp_path / "rows.csv").write_bytes(text.encode())
    (tmp_path / "r.lua").write_text("return {row.name, row.mail}")
    given = ("--simulate", "--json", "--each", "rows.csv", "--repeat", "2", "--processes", processes)
    done = cli("run", "r.lua", "a.lua", *given)
    lines, summary = results(done.out)
    assert (done.status, summary["runs"]) == (0, 12)
    assert [line["value"] for line in lines if line["script"] == "r.lua"] == [
        *[["Ann", "a@x"]] * 2,
        *[["Bo, B", "b@x"]] * 2,
        *[["C\nD", ""]] * 2,
    ]
    assert [line["line"] for line in lines] == [2] * 4 + [4] * 4 + [5] * 4
    assert lines[0]["row"] == {"name": "Ann", "mail": "a@x"}


def test_each_line_of_jsonl_is_a_run(cli: Cli, tmp_path: Path) -> None:
    """Numbers, lists and nulls arrive as such; empty lines do not count."""
    rows = '{"n": 1, "list": [1, 2], "none": null}\n\n{"n": 9007199254740993, "list": []}\n'
    (tmp_path / "rows.jsonl").write_text(rows)
    code = "return {row.n, #row.list, row.none == nil}"
    lines, _ = results(cli("run", "--simulate", "--json", "--each", "rows.jsonl", "-e", code).out)
    assert [line["value"] for line in lines] == [[1, 2, True], ["9007199254740993", 0, True]]
    assert [line["line"] for line in lines] == [1, 3]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.csv", b"a,b\n1,2\n1,2,3\n", "r.csv:3: 3 fields, expected 2 (a, b)"),
        ("r.csv", b"a,b\n1\n", "r.csv:2: 1 field, expected 2 (a, b)"),
        ("r.csv", b"", "r.csv:1: expected a line with the columns' names"),
        ("r.csv", b"a,a\n", "r.csv:1: two columns are called 'a'"),
        ("r.csv", b"a,\n", "r.csv:1: column 2 has no name"),
        ("r.csv", b'a\n"x" y\n', "r.csv:2: "),
        ("r.csv", b"a\n" + b"x" * (17 << 20), "r.csv:2: the line is over 16 MB"),
        ("r.jsonl", b"{}\n" + b" " * (17 << 20), "r.jsonl:2: the line is over 16 MB"),
        ("r.csv", b"a\nx\n\xff\n", "r.csv:3: it is not UTF-8 text"),
        ("r.jsonl", b'{"a": 1}\n{"a": \n', "r.jsonl:2: it is not JSON"),
        ("r.jsonl", b'{"a": 1}\n\n[1]\n', "r.jsonl:3: expected an object"),
        ("r.xlsx", b"", "r.xlsx: expected a file whose name ends in .csv or .jsonl"),
        (None, b"", "none.csv cannot be read: No such file or directory"),
    ],
)
def test_a_bad_row_is_named_before_anything_runs(
    cli: Cli, tmp_path: Path, name: str | None, text: bytes, message: str
) -> None:
    """Status 2 and the line, and no row before it was worked on."""
    if name is not None:
        (tmp_path / name).write_bytes(text)
    done = cli("run", "--simulate", "-e", 'print("ran")', "--each", name or "none.csv")
    assert (done.status, done.out) == (2, "")
    assert f"--each {message}" in done.err


def test_a_failed_row_is_named_by_its_line(cli: Cli, tmp_path: Path) -> None:
    """The place in the file is in the message."""
    (tmp_path / "rows.csv").write_text("name\nAnn\nBo\n")
    done = cli("run", "--simulate", "-e", 'if row.name == "Bo" then error("x") end', "--each", "rows.csv")
    assert done.status == 1
    assert "-e #2 (rows.csv:3) failed: -e:1: x" in done.err


def test_jobs_bounds_how_many_run_at_once(cli: Cli, tmp_path: Path) -> None:
    """With one job at a time the trace shows each run ended before the next starts."""
    done = cli("run", "--simulate", "--jobs", "1", "--repeat", "5", "c.lua", "--trace", "t.jsonl")
    assert done.status == 0
    kinds = [json.loads(line)["event"] for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [kind for kind in kinds if kind.startswith("run_")] == ["run_started", "run_ended"] * 5


@pytest.mark.parametrize("many", [(), ("--repeat", "3"), ("--repeat", "3", "--processes", "2")])
def test_stats_tell_the_hosts_health(cli: Cli, many: tuple[str, ...]) -> None:
    """--stats adds the channel, the loop and the machine on stderr, for one run or many."""
    done = cli("run", "--simulate", "--stats", "c.lua", *many)
    assert done.status == 0
    assert f"calls: {3 if many else 1} answered, 0 failed, 0 in flight" in done.err
    assert "loop lag" in done.err
    assert f"{2 if len(many) > 2 else 1} processes" in done.err


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_interrupt_ends_all_and_says_how_many_were_not_started(
    process: Callable[..., Any], processes: str
) -> None:
    """SIGINT in the middle of many runs: status 130 and the summary; nothing is left running."""
    arguments = ("--simulate", "--jobs", "3", "--repeat", "10", "--processes", processes)
    child = process("run", *arguments, "-e", 'print("on") sleep(1000)')
    assert [child.stdout.readline() for _ in range(3)] == [b"on\n"] * 3
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert b"interrupted: 3 runs, 3 failed" in err
    assert b"7 not started" in err
    assert b"Traceback" not in err


def test_wrong_numbers_are_usage_errors(cli: Cli) -> None:
    """Zero of anything makes no sense."""
    for option in ("--jobs", "--repeat", "--processes"):
        done = cli("run", "--simulate", "a.lua", option, "0")
        assert (done.status, done.out) == (2, "")
        assert option in done.err
