"""``run --isolate``: the script's Lua in a confined process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the confinement is Linux's")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "host", "run", "--simulate", "--isolate", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_isolated_run_answers_like_any_other() -> None:
    """Builders, calls and the returned value cross to the process and back."""
    done = run("-e", 'return new_product():name("Shirt"):create()')
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("prod_")


def test_an_isolated_run_that_fails_says_its_line() -> None:
    """An uncaught error ends as it does in process: message, line, exit code."""
    done = run("-e", 'local x = 1\nnew_product():nme("x")')
    assert done.returncode == 1
    assert "-e:2:" in done.stderr
    assert 'did you mean "name"' in done.stderr


def test_an_isolated_durable_run_that_was_killed_goes_on_isolated(tmp_path: Path) -> None:
    """kill -9 between two changes: resume --isolate makes the second, and not the first again."""
    script = tmp_path / "s.lua"
    code = """
      local first = new_product():name("A"):create()
      print(first) %s
      return {first, new_product():name("B"):create()}"""
    script.write_text(code % "while true do end")
    environ = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    begin = [sys.executable, "-m", "host", "run", "--simulate", "--isolate", "--run-id", "r", str(script)]
    with subprocess.Popen(begin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as child:
        assert child.stdout is not None
        first = child.stdout.readline().decode().strip()
        child.kill()
    script.write_text(code % "")
    go_on = [sys.executable, "-m", "host", "resume", "--isolate", "--json", "r"]
    done = subprocess.run(go_on, capture_output=True, text=True, timeout=60, env=environ)
    assert done.returncode == 0, done.stderr
    again, second = json.loads(done.stdout.splitlines()[-1])
    assert (again, second != first) == (first, True)
    show = [sys.executable, "-m", "host", "runs", "show", "r", "--json"]
    rows = subprocess.run(show, capture_output=True, text=True, timeout=60, env=environ).stdout.splitlines()
    assert [json.loads(row)["id"] for row in rows] == [first, second]
