"""run with many scripts, rows and repeats: what is run, what is said, and the exit code."""

from __future__ import annotations

import codecs
import json
import re
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


def told(out: str) -> list[str]:
    """What runs printed and returned, without the names of the runs before it."""
    return [line.partition(": ")[2] for line in out.splitlines()]


def test_several_scripts_run_and_get_what_is_behind_the_dashes(cli: Cli) -> None:
    """Names ending in .lua are scripts; values are printed as runs end, the summary goes to stderr."""
    done = cli("run", "--simulate", "a.lua", "c.lua", "a.lua", "--", "x", "y.lua")
    assert done.status == 0
    lines = sorted(done.out.splitlines())
    assert lines[:2] == ["a.lua #1: ax,y.lua", "a.lua #3: ax,y.lua"]
    assert lines[2].startswith("c.lua #2: prod_")
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
    assert "go after --" in done.err


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


def test_a_failure_is_shown_with_its_place(cli: Cli) -> None:
    """Which run, and the error as one run alone would show it."""
    done = cli("run", "--simulate", "a.lua", "b.lua")
    assert done.out == "a.lua #1: a\n"
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
        ("r.xlsx", b"", "r.xlsx: expected a file whose name ends in .csv, .tsv or .jsonl"),
        (
            "r.json",
            b"[]",
            "r.json: expected a file whose name ends in .csv, .tsv or .jsonl\nhint: to convert a JSON list",
        ),
        ("r.csv", b"a,b;c\n1,2\n", "r.csv:1: the line of names has ',' and ';': either could separate"),
        ("r.csv", b"a;b\tc\n", "r.csv:1: the line of names has ';' and tab"),
        ("r.csv", b"a, b\n1,2\n", "r.csv:1: column 2 is called ' b', with leading or trailing whitespace"),
        ("r.csv", b"a;b\n1;2\n1,2\n", "r.csv:3: 1 field, expected 2 (a, b)"),
        ("r.csv", b"sep=;\na;b\n1;2\n1\n", "r.csv:4: 1 field, expected 2 (a, b)"),
        ("r.csv", b"sep=;\na;a\n", "r.csv:2: two columns are called 'a'"),
        ("r.csv", "a;b\n1;2\n".encode("utf-16-le"), "r.csv:1: it holds a NUL character"),
        ("r.csv", "a\nä\n".encode("cp1252"), "r.csv:2: it is not UTF-8 text\nhint: save it as UTF-8"),
        ("r.jsonl", b'{"a": 1}\n{"b": 1, "b": 2}\n', "r.jsonl:2: it is not JSON: two members of an object are"),
        ("r.jsonl", b'{"a": NaN}\n', "r.jsonl:1: it is not JSON: NaN is not a valid number"),
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


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("r.csv", b"email;plan\na@x;team, big\n"),
        ("r.csv", b"email\tplan\na@x\tteam, big\n"),
        ("r.tsv", b"email\tplan\na@x\tteam, big\n"),
        ("r.csv", b"email|plan\na@x|team, big\n"),
        ("r.csv", b"sep=;\r\nemail;plan\r\na@x;team, big\r\n"),
        ("r.csv", b'"email";"plan"\n"a@x";"team, big"\n'),
        ("r.csv", b'email,plan\na@x,"team, big"\n'),
        ("r.csv", b"email;plan\ra@x;team, big\r"),
        ("r.CSV", b"\xef\xbb\xbfemail;plan\na@x;team, big\n"),
        ("r.csv", "email\tplan\r\na@x\tteam, big\r\n".encode("utf-16")),
        ("r.csv", codecs.BOM_UTF16_BE + "email;plan\na@x;team, big".encode("utf-16-be")),
    ],
)
def test_a_csv_is_read_with_its_own_separator(cli: Cli, tmp_path: Path, name: str, data: bytes) -> None:
    """Semicolons, tabs and bars, as the line of names has them; in the encodings spreadsheets write."""
    (tmp_path / name).write_bytes(data)
    done = cli("run", "--simulate", "--each", name, "-e", 'return row.email .. "|" .. row.plan')
    assert (done.status, told(done.out)) == (0, ["a@x|team, big"]), done.err


def test_a_name_may_hold_the_other_separator_in_quotes(cli: Cli, tmp_path: Path) -> None:
    """Quotes say which is which."""
    (tmp_path / "r.csv").write_text('"name; first",mail\nAnn,a@x\n')
    assert told(cli("run", "--simulate", "--each", "r.csv", "-e", 'return row["name; first"]').out) == ["Ann"]


ROWS = {"rows.csv": "email,plan\na@x,team\nb@x,\n", "rows.jsonl": '{"email": "a@x"}\n{"email": "b@x", "plan": null}\n'}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("more", [(), ("--processes", "2"), ("--isolate",), ("--durable", "--journal", "j.sqlite")])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("local x = 1\nreturn row.e_mail", "there is no column 'e_mail'; did you mean \"email\"?"),
        ("local x = 1\nreturn row.Email", "there is no column 'Email'; did you mean \"email\"?"),
        ("local x = 1\nreturn row.zzz", "there is no column 'zzz'; expected one of email, plan"),
        ("local x = 1\nreturn row[1]", "there is no column '1'; expected one of email, plan"),
        ("local x = 1\nreturn rows.frist", "rows has no field 'frist'; did you mean \"first\"?"),
    ],
)
def test_a_name_that_is_no_column_is_an_error_at_its_line(
    cli: Cli, tmp_path: Path, name: str, more: tuple[str, ...], code: str, message: str
) -> None:
    """For each row, with the nearest column; as nil it would be a filter that is none."""
    (tmp_path / name).write_text(ROWS[name])
    done = cli("run", "--simulate", "--json", "--each", name, *more, "-e", code)
    lines, _ = results(done.out)
    assert done.status == 1
    assert [line["error"]["message"] for line in lines] == [message] * 2
    assert {(line["error"]["kind"], line["error"]["line"]) for line in lines} == {("invalid", 2)}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("more", [(), ("--processes", "2"), ("--isolate",)])
def test_a_row_is_a_plain_table_otherwise(cli: Cli, tmp_path: Path, name: str, more: tuple[str, ...]) -> None:
    """An empty column, one that only other rows have, all of them in turn, as JSON, as text, changed."""
    (tmp_path / name).write_text(ROWS[name])
    code = """
      assert(row.plan == nil or row.plan == "" or row.plan == "team")
      local names = {}
      for column in pairs(row) do names[#names + 1] = column end
      assert(#names >= 1 and #row == 0 and type(row) == "table" and getmetatable(row) == nil)
      assert(tostring(row):find('email = "', 1, true) and json.decode(json.encode(row)).email == row.email)
      assert(not pcall(setmetatable, row, {}))
      row.note = "x"
      return {row.email, row.note, rows.first, rows.count, rows.columns}"""
    done = cli("run", "--simulate", "--json", "--each", name, *more, "-e", code)
    lines, _ = results(done.out)
    columns = ["email", "plan"]
    assert [line["value"] for line in lines] == [["a@x", "x", True, 2, columns], ["b@x", "x", False, 2, columns]]


def test_rows_may_be_added_to_a_durable_batch(cli: Cli, tmp_path: Path) -> None:
    """What rows tells of the file does not make a row another one: done rows give their results again."""
    given = ("run", "--simulate", "--json", "--run-id", "b", "--journal", "j.sqlite", "--each", "r.csv")
    code = "new_product():name(row.name):create() return row.name .. rows.count"
    (tmp_path / "r.csv").write_text("name\nAnn\n")
    assert [line["value"] for line in results(cli(*given, "-e", code).out)[0]] == ["Ann1"]
    (tmp_path / "r.csv").write_text("name\nAnn\nBo\n")
    assert [line["value"] for line in results(cli(*given, "-e", code).out)[0]] == ["Ann1", "Bo2"]


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
def test_stats_show_the_hosts_health(cli: Cli, many: tuple[str, ...]) -> None:
    """--stats adds the channel, the loop and the machine on stderr, for one run or many."""
    done = cli("run", "--simulate", "--stats", "c.lua", *many)
    assert done.status == 0
    assert f"calls: {3 if many else 1} answered, 0 failed, 0 in flight" in done.err
    assert "loop lag" in done.err
    assert f"{2 if len(many) > 2 else 1} processes" in done.err


NINE = "n\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(
    ("most", "runs", "failed"),
    [("1", 2, 1), ("3", 6, 3), ("20%", 4, 2), ("0.1%", 2, 1), ("22.3%", 6, 3), ("4", 8, 4), ("5", 9, 4), ("99%", 9, 4)],
)
def test_a_batch_stops_at_so_many_failures(
    cli: Cli, tmp_path: Path, processes: str, most: str, runs: int, failed: int
) -> None:
    """A number, or a share of all, rounded up: no more begin, what did not is told, the status is the failures'."""
    (tmp_path / "r.csv").write_text(NINE)
    given = ("run", "--simulate", "--each", "r.csv", "--jobs", "1", "--max-failures", most, "--processes", processes)
    code = 'if row.n % 2 == 0 then error("even") end print(row.n)'
    done = cli(*given, "-e", code)
    assert done.status == 1
    assert told(done.out) == [str(n) for n in range(1, runs + 1) if n % 2]
    last = done.err.splitlines()[-1]
    assert f"{runs} runs, {failed} failed" in last
    if runs < 9:
        assert last.startswith(f"stopped because {failed} failed (--max-failures {most}): ")
        assert last.endswith(f"{9 - runs} not started, from -e #{runs + 1} (r.csv:{runs + 2}) on")
    else:
        assert "not started" not in last
        assert "stopped" not in last
    summary = results(cli(*given, "--json", "-e", code).out)[1]
    assert (summary["runs"], summary["failed"], summary["not_started"]) == (runs, failed, 9 - runs)
    assert summary.get("first_not_started") == (runs + 1 if runs < 9 else None)
    assert ("stopped" in summary) == (runs < 9)


def test_what_is_under_way_when_a_batch_stops_ends_by_itself(cli: Cli, tmp_path: Path) -> None:
    """Several scripts and repeats stop too; the runs that wait meanwhile are not cut off."""
    (tmp_path / "slow.lua").write_text('sleep(0.05) print("slow")')
    done = cli("run", "--simulate", "--jobs", "2", "--max-failures", "1", "b.lua", "slow.lua", "c.lua")
    assert (done.status, done.out) == (1, "slow.lua #2: slow\n")
    assert "2 runs, 1 failed" in done.err
    assert "1 not started, from c.lua #3 on" in done.err
    done = cli("run", "--simulate", "--jobs", "1", "--max-failures", "1", "b.lua", "--repeat", "6")
    assert "5 not started, from b.lua #2 on" in done.err


@pytest.mark.parametrize("value", ["0", "0%", "-1", "101%", "x", "", "%", "1.5", "5 %%", "1e3", "nan%"])
def test_a_wrong_number_of_failures_says_what_is_expected(cli: Cli, value: str) -> None:
    """Zero may mean none allowed or no bound: it is refused."""
    done = cli("run", "--simulate", "a.lua", f"--max-failures={value}")
    assert (done.status, done.out) == (2, "")
    assert "expected a number from 1 (1 stops at the first failure), or a percentage" in done.err


def test_equal_failures_are_reported_once_with_their_number(cli: Cli, tmp_path: Path) -> None:
    """The first as ever, the others in a line at the end with their rows; another message or line is another one."""
    (tmp_path / "r.csv").write_text(NINE)
    code = 'if row.n == "5" then error("five", 0) end\nif row.n == "7" then os.exit(3) end\nerror("boom\\nmore")'
    done = cli("run", "--simulate", "--each", "r.csv", "--jobs", "1", "-e", code)
    assert done.status == 1
    told = [line for line in done.err.splitlines() if "failed" in line]
    assert told[:3] == [
        "-e #1 (r.csv:2) failed: -e:3: boom",
        "-e #5 (r.csv:6) failed: -e:1: five",
        "-e #7 (r.csv:8) failed: ended with status 3",
    ]
    places = ", ".join(f"r.csv:{n}" for n in (3, 4, 5, 7, 9, 10))
    assert told[3] == f"6 more failed as -e #1 (r.csv:2): boom ({places})"
    assert done.err.count("> 3 |") == 1
    done = cli("run", "--simulate", "b.lua", "--repeat", "20")
    assert re.search(r"19 more failed as b\.lua #\d+: boom \(#", done.err)  # whichever ended first
    assert " and 9 others)" in done.err
    assert len(results(cli("run", "--simulate", "--json", "b.lua", "--repeat", "5").out)[0]) == 5


def test_keys_of_results_have_an_order(cli: Cli, tmp_path: Path) -> None:
    """Lua's order differs from process to process: keys are sorted, at every depth, numbers before texts."""
    names = [chr(ord("a") + i) * (1 + i % 3) for i in range(20)]
    fields = ", ".join(f"{name} = {{z = 1, y = {{d = 1, c = 2}}}}" for name in reversed(names))
    code = f"local t = {{ {fields} }} print(json.encode(t)) return t"
    inner = '{"y": {"c": 2, "d": 1}, "z": 1}'
    wanted = "{" + ", ".join(f'"{name}": {inner}' for name in sorted(names)) + "}"
    lines = cli("run", "--simulate", "--json", "-e", code).out.splitlines()
    assert lines == [wanted.replace(" ", ""), wanted]
    assert json.dumps(json.loads(wanted), indent=2) in cli("run", "--simulate", "-e", code).out
    assert f'"value": {wanted}' in cli("run", "--simulate", "--json", "--repeat", "1", "-e", code).out
    failing = "error({kind = 'x', message = 'm', b = 1, a = 2, c = 3})"
    line = cli("run", "--simulate", "--json", "--repeat", "1", "-e", failing).out.splitlines()[0]
    keys = list(json.loads(line)["error"])
    assert keys == sorted(keys)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_interrupt_ends_all_and_says_how_many_were_not_started(process: Callable[..., Any], processes: str) -> None:
    """SIGINT in the middle of many runs: status 130 and the summary; nothing is left running."""
    arguments = ("--simulate", "--jobs", "3", "--repeat", "10", "--processes", processes)
    child = process("run", *arguments, "-e", 'print("on") sleep(1000)')
    assert sorted(child.stdout.readline() for _ in range(3)) == [b"#1: on\n", b"#2: on\n", b"#3: on\n"]
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


def test_lines_of_many_runs_are_whole_and_begin_with_their_row(cli: Cli, tmp_path: Path) -> None:
    """Pieces of lines, several lines at once and tables are a line each, named by the row that wrote them."""
    folder = tmp_path / "far" / "away"
    folder.mkdir(parents=True)
    (folder / "r.csv").write_text("n\n1\n2\n3\n")
    code = """
      io.write("a", row.n) sleep(0.01) io.write("b\\nc\\n") print("") sleep(0.01)
      io.write("d") return {n = row.n, list = {1, 2}}, "x\\ny" """
    done = cli("run", "--simulate", "--each", "far/away/r.csv", "-e", code)
    assert done.status == 0
    for n in (1, 2, 3):
        mine = [line for line in done.out.splitlines() if line.startswith(f"r.csv:{n + 1}: ")]
        assert told("\n".join(mine)) == [f"a{n}b", "c", "", "d", f'{{"list": [1, 2], "n": "{n}"}}', "x", "y"]
    assert len(done.out.splitlines()) == 21


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (("a.lua", "--repeat", "2"), ["#1", "#2"]),
        (("a.lua", "c.lua"), ["a.lua #1", "c.lua #2"]),
        (("a.lua", "--each", "r.csv"), ["r.csv:2"]),
        (("a.lua", "c.lua", "--each", "r.csv"), ["a.lua r.csv:2", "c.lua r.csv:2"]),
        (("a.lua", "--each", "r.csv", "--repeat", "2"), ["r.csv:2 #1", "r.csv:2 #2"]),
        (("a.lua", "--each", "r.csv", "--processes", "2"), ["r.csv:2"]),
        (("a.lua", "--each", "r.csv", "--durable", "--journal", "j.sqlite"), ["r.csv:2"]),
        (("a.lua", "--each", "s\x1b[2J.csv"), ["s?[2J.csv:2"]),
    ],
)
def test_what_a_run_is_called(cli: Cli, tmp_path: Path, given: tuple[str, ...], names: list[str]) -> None:
    """Its row, its number where there is none or several have it, its script where there are more; one name is
    another's than any other's."""
    for name in ("r.csv", "s\x1b[2J.csv"):
        (tmp_path / name).write_text("name\nAnn\n")
    done = cli("run", "--simulate", *given)
    assert done.status == 0, done.err
    assert sorted(line.partition(": ")[0] for line in done.out.splitlines()) == names


@pytest.mark.parametrize("more", [(), ("--processes", "2"), ("--durable", "--journal", "j.sqlite")])
def test_calls_are_shown_with_their_row(cli: Cli, tmp_path: Path, more: tuple[str, ...]) -> None:
    """-v and log lines name the row, not only the run's id."""
    (tmp_path / "r.csv").write_text("name\nAnn\nBo\n")
    code = 'log.warn("seen", row.name) return new_product():name(row.name):create()'
    done = cli("run", "--simulate", "-v", "--each", "r.csv", *more, "-e", code)
    assert done.status == 0
    for line in (2, 3):
        mine = [each.partition(": ")[2] for each in done.err.splitlines() if each.startswith(f"r.csv:{line}: ")]
        assert [each.split()[0] for each in mine] == ["warn:", "#1", "#1"]


def test_output_is_as_it_was_printed_where_that_is_asked_for(cli: Cli, tmp_path: Path) -> None:
    """--no-prefix leaves names out; tables are a line all the same."""
    (tmp_path / "r.csv").write_text("n\n1\n2\n")
    given = ("--each", "r.csv", "--jobs", "1", "--no-prefix")
    done = cli("run", "--simulate", *given, "-e", 'io.write(row.n, ";") return {row.n}')
    assert done.out == '1;["1"]\n2;["2"]\n'


@pytest.mark.parametrize("processes", ["1", "2"])
def test_json_is_in_the_order_of_the_rows(cli: Cli, tmp_path: Path, processes: str) -> None:
    """However long each row takes, and whether it fails: the same file gives the same order."""
    (tmp_path / "r.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(20)))
    code = "sleep((20 - row.n) / 200) if row.n % 3 == 0 then error('no') end return row.n"
    done = cli("run", "--simulate", "--json", "--each", "r.csv", "--processes", processes, "-e", code)
    *lines, last = [json.loads(line) for line in done.out.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 21))
    assert (last["event"], last["failed"]) == ("summary", 7)


def test_json_of_what_ended_is_written_though_a_run_before_it_has_not(process: Callable[..., Any]) -> None:
    """After an interrupt all that ran have their line, in order."""
    code = "if args[1] ~= 'x' then print('on') end if rows.first then sleep(1000) end return 1"
    Path("r.csv").write_text("n\n1\n2\n3\n")
    child = process("run", "--simulate", "--json", "--each", "r.csv", "-v", "-e", code.replace("print", "log.warn"))
    seen: set[bytes] = set()
    while len(seen) < 3:
        seen.add(child.stderr.readline().partition(b": ")[0])
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=30)
    *lines, last = [json.loads(line) for line in out.splitlines()]
    assert [(line["number"], line["ok"]) for line in lines] == [(1, False), (2, True), (3, True)]
    assert last["event"] == "summary"
