"""The command line as a whole: help, version, usage errors."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.cli.conftest import Cli


def test_help_lists_commands_an_example_and_the_exit_codes(cli: Cli) -> None:
    """--help is enough to start with."""
    done = cli("--help")
    assert done.status == 0
    for text in ("run", "simulate", "python -m host run --simulate", "Exit codes:", "130  interrupted"):
        assert text in done.out


def test_help_of_run_lists_options_an_example_and_the_exit_codes(cli: Cli) -> None:
    """run --help tells everything about run."""
    done = cli("run", "--help")
    assert done.status == 0
    for text in ("--simulate", "--env-file", "--timeout", "Examples:", "Exit codes:"):
        assert text in done.out


def test_version(cli: Cli) -> None:
    """--version is one line."""
    done = cli("--version")
    assert done.status == 0
    assert done.out.startswith("luahost ")
    assert done.out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("rum",), "No such command 'rum'"),
        (("run",), "give a script"),
        (("run", "--simulat", "a.lua"), "--simulate"),
        (("run", "--timeout", "0", "-e", ""), "--timeout"),
        (("run", "--timeout", "soon", "-e", ""), "--timeout"),
        (("run", "--simulate", "nowhere.lua"), "there is no script nowhere.lua"),
        (("run", "--simulate", "."), ". is a folder"),
        (("run", "--simulate", "--require-live", "-e", ""), "cannot be combined"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(cli: Cli, arguments: tuple[str, ...], text: str) -> None:
    """Typing mistakes end with 2, a message that names them, and nothing on stdout."""
    done = cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert text in done.err
    assert "Traceback" not in done.err


def test_python_m_host_names_itself_so(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    """Usage lines show the command as it was typed."""
    child = process("run")
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (2, b"")
    assert b"Usage: python -m host run" in err
