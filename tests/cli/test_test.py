"""``test`` on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

CODE = """\
describe("sums", function()
  it("add up", function() assert.equals(4, 2 + 2) end)
  it("do not", function()
    print("looking")
    assert.equals(5, 2 + 2)
  end)
  it("come later")
  it("are refused", function() new_price():amount(1.5) end)
end)
"""


@pytest.fixture(autouse=True)
def files(clean: None) -> None:
    Path("sub").mkdir()
    Path("sub/sums_test.lua").write_text(CODE)
    Path("test_fine.lua").write_text("it('is fine', function() end)")
    Path("other.lua").write_text("error('not a test')")
    Path(".hidden").mkdir()
    Path(".hidden/x_test.lua").write_text("error('hidden')")


def test_all_files_below_the_folder_run(cli: Cli) -> None:
    """One line of marks a file, then what failed with line, values, source and output, then the totals."""
    done = cli("test")
    assert done.status == 1
    assert f"sub{os.sep}sums_test.lua .FpF\n" in done.out
    assert "test_fine.lua .\n" in done.out
    assert f"sub{os.sep}sums_test.lua:5: assert.equals failed\n  expected: 5\n  actual  : 4\n" in done.out
    assert "> 5 |     assert.equals(5, 2 + 2)" in done.out
    assert "  it printed:\n    looking\n" in done.out
    assert "math.floor(x + 0.5) rounds it to 2" in done.out
    assert "2 passed, 2 failed, 1 pending in " in done.out
    assert done.err == ""


def test_k_x_and_v(cli: Cli) -> None:
    """-k chooses, -x stops at the first failure, -v names the tests."""
    assert cli("test", "-k", "add or fine").status == 0
    done = cli("test", "-x", "-v", "sub")
    assert done.status == 1
    assert "  passed  sums add up\n  failed  sums do not\n" in done.out
    assert "are refused" not in done.out
    assert "1 passed, 1 failed in " in done.out


def test_wrong_arguments_are_usage_errors(cli: Cli) -> None:
    """No path, no test, no match: exit 2 with the reason."""
    assert cli("test", "none.lua").err == "there is no file or folder none.lua\n"
    assert cli("test", "-k", "zebra").err == "none of the 5 tests matches -k\n"
    assert cli("test", "-k", "a b").status == 2
    Path("empty").mkdir()
    done = cli("test", "empty")
    assert done.status == 2
    assert "no file is named *_test.lua or test_*.lua" in done.err


def test_a_file_that_does_not_load_fails(cli: Cli) -> None:
    """A named file runs whatever its name; its error is shown, and the others still run."""
    done = cli("test", "other.lua", "test_fine.lua")
    assert done.status == 1
    assert "other.lua:1: not a test" in done.out
    assert "1 passed, 1 failed in " in done.out


def test_a_test_over_its_time_fails(cli: Cli) -> None:
    """--timeout bounds each test."""
    Path("slow_test.lua").write_text("it('waits', function() sleep(1000) end)")
    done = cli("test", "slow_test.lua", "--timeout", "0.05")
    assert done.status == 1
    assert "slow_test.lua:1: the test did not end within 0.05 s" in done.out
