"""Coverage of Lua files: what counts, what is summed, and how it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from host import Host, UsageError
from host.events import LinesReached
from host.testing.coverage import Coverage, share
from host.testing.coverage_plugin import CoverageOfSession
from host.testing.coverage_reports import as_html, as_lcov, as_table, coverage_form, report_coverage
from tests.testing.conftest import ROOT, Project

FEES = """\
local M = {}
function M.fee(amount)
  if amount > 1000 then
    return 10
  end
  return math.ceil(amount / 100)
end
return M
"""
TEST = """\
local fees = require("fees")
it("takes a hundredth", function() assert.equals(5, fees.fee(500)) end)
"""
ALL = TEST + 'it("takes ten at most", function() assert.equals(10, fees.fee(5000)) end)\n'


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    """``host test`` in a folder: exit code and output."""
    line = [sys.executable, "-m", "host", "test", *arguments]
    done = subprocess.run(line, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A module with its tests."""
    (tmp_path / "fees.lua").write_text(FEES)
    (tmp_path / "fees_test.lua").write_text(TEST)
    return tmp_path


def test_the_command_shows_what_is_missed(folder: Path) -> None:
    """A table with the lines that no test reached; the file of tests is not in it."""
    status, out = command(folder, "--coverage")
    assert status == 0
    assert "fees.lua      6       1    83.3%  4\ntotal         6       1    83.3%\n" in out
    assert "fees_test.lua " not in out.partition("coverage")[2]


def test_too_little_coverage_fails_the_command(folder: Path) -> None:
    """--coverage-fail-under alone asks for coverage; what is enough passes."""
    status, out = command(folder, "--coverage-fail-under", "90")
    assert status == 1
    assert "coverage is 83.3%, below the required 90%" in out
    (folder / "fees_test.lua").write_text(ALL)
    assert command(folder, "--coverage-fail-under", "100")[0] == 0


def test_files_are_written_and_unloaded_ones_listed(folder: Path) -> None:
    """lcov and HTML at once; --coverage-source tells of files that no test loads, and of no others."""
    (folder / "other").mkdir()
    (folder / "other" / "unused.lua").write_text("local a = 1\nreturn a <\n  2\n")
    status, out = command(folder, "--coverage=lcov:out/a.info", "--coverage=html:page", "--coverage-source", "other")
    assert status == 0, out
    assert (folder / "out" / "a.info").read_text() == (
        f"TN:\nSF:{folder}/other/unused.lua\nDA:1,0\nDA:3,0\nLF:2\nLH:0\nend_of_record\n"
    )
    page = (folder / "page" / "index.html").read_text()
    assert "<title>Lua coverage: 0.0%</title>" in page
    assert "return a &lt;" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--coverage=xml:a"], "expected text, lcov:FILE or html:FOLDER"),
        (["--coverage=lcov:"], "expected text, lcov:FILE or html:FOLDER"),
        (["--coverage-source", "nowhere"], "there is no file or folder nowhere"),
        (["--coverage-fail-under", "101"], "101"),
    ],
)
def test_wrong_options_are_refused(folder: Path, arguments: list[str], said: str) -> None:
    """Before any test runs, with what was expected."""
    status, out = command(folder, *arguments)
    assert status == 2
    assert said in out
    assert "passed" not in out


def test_a_mutation_of_covered_code_is_caught_by_its_tests(folder: Path) -> None:
    """Each executable line of the module is changed in turn: the tests that cover all of it fail each time, those that
    leave a line out do not see the change of that line."""
    mutants = {
        3: ("amount > 1000", "amount > 100000"),
        4: ("return 10", "return 11"),
        6: ("math.ceil", "math.floor"),
    }
    (folder / "fees_test.lua").write_text(ALL.replace("fees.fee(500)", "fees.fee(450)"))
    assert command(folder, "--coverage-fail-under", "100")[0] == 0
    for line, (before, after) in mutants.items():
        assert FEES.splitlines()[line - 1].count(before) == 1
        (folder / "fees.lua").write_text(FEES.replace(before, after))
        status, out = command(folder, "--coverage")
        assert status == 1, f"the change of line {line} is not noticed"
        assert "fees.lua      6 " in out
    (folder / "fees_test.lua").write_text(TEST)
    (folder / "fees.lua").write_text(FEES.replace("return 10", "return 11"))
    status, out = command(folder, "--coverage")
    assert status == 0
    assert "83.3%  4\n" in out


def test_under_pytest_scripts_of_python_tests_count_too(project: Project) -> None:
    """Lua tests and ``lua_run`` are summed; too little fails a session whose tests pass."""
    files = {
        "fees.lua": FEES,
        "fees_test.lua": TEST,
        "pay.lua": "local fees = require('fees')\nif args[1] then\n  return fees.fee(5000)\nend\nreturn 0\n",
        "test_pay.py": "def test_pay(lua_run):\n    assert lua_run('pay.lua', args=['x']).value == 10\n",
    }
    done = project(files, "--lua-coverage", "--lua-coverage=lcov:a.info", "--lua-coverage-fail-under=95")
    assert "fees.lua      6       0   100.0%\n" in done.out
    assert "pay.lua       4       1    75.0%  5\n" in done.out
    assert "coverage is 90.0%, below the required 95%" in done.out
    assert done.status == 1
    assert project({}, "--lua-coverage-fail-under=90").status == 0


@pytest.mark.parametrize(
    "option", ["--lua-coverage=pdf", "--lua-coverage-source=nowhere", "--lua-coverage-fail-under=-1"]
)
def test_pytest_refuses_wrong_options(project: Project, option: str) -> None:
    """As usage errors of pytest's, with what was expected."""
    done = project({"a_test.lua": "it('x', function() end)"}, option)
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "lua-coverage" in done.out


def test_a_process_of_xdist_hands_over_what_it_counted(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """The controller adds the counts of each process to its own."""
    path = tmp_path / "a.lua"
    path.write_text("local a = 1\nif a then\n  a = 2\nend\n")
    one, other = Coverage(), Coverage()
    one.emit(LinesReached("r", 0.0, str(path), ((0, 1, 2), (0, 2, 1))))
    other.emit(LinesReached("r", 0.0, str(path), ((0, 1, 1), (0, 3, 4))))
    session = CoverageOfSession(pytestconfig)
    session.coverage = Coverage()
    for each in (one, other):
        session.pytest_testnodedown(SimpleNamespace(workeroutput={"lua_coverage": each.plain()}))
    session.pytest_testnodedown(SimpleNamespace())  # one that crashed
    (found,) = session.coverage.files()
    assert found.reached == {1: 3, 2: 1, 3: 4}


def test_worker_processes_and_isolated_runs_are_summed(tmp_path: Path) -> None:
    """Whatever process a run is in, its lines reach the one collector."""
    path, coverage = tmp_path / "a.lua", Coverage()
    path.write_text("local n = args[1]\nif n == '1' then\n  n = 'a'\nelse\n  n = 'b'\nend\n")
    with Host(simulate=True, processes=2, sinks=[coverage]) as host:
        jobs = [{"script": path, "args": [str(n)]} for n in (1, 2)]
        assert [result.error for result in host.run_many(jobs)] == [None, None]
    with Host(simulate=True, isolation="process", sinks=[coverage]) as host:
        host.run(path, args=["2"])
    (found,) = coverage.files()
    assert found.reached.pop(1) >= 3  # once more whenever something it calls returns
    assert found.reached == {2: 3, 3: 1, 5: 2}
    assert share([found]) == 100.0


def test_reports_of_texts_that_are_hostile_stay_whole(tmp_path: Path) -> None:
    """Markup in a script and in its name is shown, not obeyed; a file that does not compile has no lines."""
    path = tmp_path / "<b>{texts}.lua"
    path.write_text("#!/usr/bin/env lua\nlocal a = '</pre><script>alert(1)</script>'\n")
    broken = tmp_path / "broken.lua"
    broken.write_text("local = 1")
    files = Coverage([tmp_path]).files()
    page = as_html(files)
    assert "<script" not in page
    assert page.count("<h2") == 2
    assert " </i>#!/usr/bin/env lua\n" in page
    assert "DA:2,0\n" in as_lcov(files)
    assert "LF:0\n" in as_lcov(files)
    assert "broken.lua" in as_table(files)
    assert as_table([]).startswith("coverage: no Lua file")


def test_a_share_is_never_rounded_to_all_or_nothing(tmp_path: Path) -> None:
    """1,999 lines of 2,000 are 99.9%, and one is not 0.0%."""
    path = tmp_path / "a.lua"
    path.write_text("x = 1\n" * 2000)
    for reached, said in ((range(1, 2000), "99.9%"), (range(1, 2), "0.1%"), (range(1, 2001), "100.0%")):
        coverage = Coverage()
        coverage.emit(LinesReached("r", 0.0, str(path), tuple((0, line, 1) for line in reached)))
        assert said in as_table(coverage.files())


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It names the file; a path in the way is no traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot be written"):
        report_coverage(Coverage(), [coverage_form(f"lcov:{tmp_path}/file/a.info")], None)
    with pytest.raises(UsageError, match="html:FOLDER"):
        coverage_form("html")
