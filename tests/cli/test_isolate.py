"""``run --isolate``: the script's Lua in a confined process of its own."""

from __future__ import annotations

import subprocess
import sys

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
