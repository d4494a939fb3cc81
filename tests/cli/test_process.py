"""The command line as a process: signals, pipes, terminals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal

Process = Callable[..., subprocess.Popen[bytes]]


def listener() -> socket.socket:
    """A server that accepts and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30)
    return server


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_mid_call_ends_the_run(
    process: Process, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    """Ctrl-C while a change waits for its answer: the shell's status, and what is left in doubt."""
    with listener() as server:
        monkeypatch.setenv("STRIPE_API_BASE", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_51AbCdEfGhIjKlMnOpQr4242")
        child = process("run", "-e", 'new_product():name("x"):create()')
        connection, _ = server.accept()
        with connection:
            assert connection.recv(65536)
            child.send_signal(number)
            out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (status, b"")
    assert err.decode().splitlines() == [
        "interrupted at -e:1, after 1 call",
        "without an answer, so the outcome is unknown: stripe.products.create (line 1)",
    ]


@pytest.mark.parametrize(
    "code",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "sleep(1000)",
    ],
)
def test_a_busy_or_sleeping_script_is_interrupted(process: Process, code: str) -> None:
    """Ctrl-C ends a script whatever it does, also one that catches every error."""
    child = process("run", "--simulate", "-e", f'print("go") {code} print("on")')
    assert child.stdout is not None
    assert child.stdout.readline() == b"go\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (130, b"")
    assert b"interrupted" in err
    assert b"Traceback" not in err


def test_a_reader_who_leaves_ends_the_run_quietly(process: Process) -> None:
    """run … | head -1: no traceback, no complaint, the shell's status for it."""
    child = process("run", "--simulate", "-e", "while true do print(('x'):rep(1000)) end")
    assert child.stdout is not None
    assert child.stdout.readline()
    child.stdout.close()
    assert child.stderr is not None
    err = child.stderr.read()
    assert (child.wait(30), err) == (141, b"")


def test_output_is_there_at_once(process: Process) -> None:
    """A line is out before the next call begins, also into a pipe."""
    child = process("run", "--simulate", "-e", 'print("first") sleep(1000)')
    assert child.stdout is not None
    assert child.stdout.readline() == b"first\n"
    assert child.poll() is None


def test_a_full_disk_is_reported(process: Process) -> None:
    """Output that cannot be written fails the run with a message."""
    with open("/dev/full", "w") as full:
        child = process("run", "--simulate", "-e", 'print("x")', stdout=full.fileno())
        _, err = child.communicate(timeout=30)
    assert child.returncode == 1
    assert b"No space left" in err
    assert b"Traceback" not in err


COMMANDS = (["apis", "stripe"], ["--help"], ["run", "--help"], ["plan", "--simulate", "-e", "return 1"])


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_told_by_every_command(process: Process, arguments: list[str]) -> None:
    """What prints a listing, a help or a plan says the same as a run, not an internal error."""
    with open("/dev/full", "w") as full:
        child = process(*arguments, stdout=full.fileno())
        _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (1, b"stdout cannot be written: No space left on device\n")


def test_a_script_without_end_is_refused(process: Process) -> None:
    """A device or pipe that goes on for ever ends at the size that is compiled."""
    child = process("run", "--simulate", "/dev/zero")
    assert child.communicate(timeout=60) == (b"", b"the script /dev/zero is over 16 MB\n")
    assert child.returncode == 2


def test_without_standard_input_there_is_no_script_in_it(process: Process) -> None:
    """``host run -`` with standard input closed exits with status 2 and one line that says why."""
    child = process("run", "--simulate", "-", preexec_fn=lambda: os.close(0))
    assert child.communicate(timeout=30) == (b"", b"standard input is closed, so there is no script to read from it\n")
    assert child.returncode == 2


def test_names_and_code_in_other_encodings_are_run(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's name that is not UTF-8, and -e CODE in a locale that knows ASCII alone."""
    script = os.fsencode(tmp_path) + b"/caf\xe9.lua"
    with open(script, "w") as file:
        file.write('error("x")')
    child = process("run", "--simulate", os.fsdecode(script))
    assert b"caf" in child.communicate(timeout=30)[1]
    assert child.returncode == 1
    for name, value in (("LC_ALL", "POSIX"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")):
        monkeypatch.setenv(name, value)
    child = process("run", "--simulate", "-e", 'print("é 日本")')
    assert child.communicate(timeout=30) == ("é 日本\n".encode(), b"")


@pytest.mark.parametrize(
    ("formats", "read"),
    [
        ("", "[ 3 -4e2x]"),
        ('"*n", "*n", "*n"', "[3][-400][nil]"),
        ('"*number"', "[3]"),
        ('"l", "*line", "*l", "*l"', "[ 3 -4e2x][abc][nil][nil]"),
        ('2, 0, "*a", 0', "[ 3][][ -4e2x\nabc\n][nil]"),
        ('"*L"', "[ 3 -4e2x\n]"),
        ('"*a", "*a"', "[ 3 -4e2x\nabc\n][]"),
    ],
)
def test_standard_input_is_read_as_luas_io_does(process: Process, formats: str, read: str) -> None:
    """io.read takes several formats, gives nil from where nothing is left, and a number leaves what is behind it."""
    count = max(1, formats.count(",") + 1)
    code = f"local t = {{io.read({formats})}} for i = 1, {count} do io.write('[', tostring(t[i]), ']') end"
    child = process("run", "--simulate", "-e", code, stdin=subprocess.PIPE)
    assert child.communicate(b" 3 -4e2x\nabc\n", timeout=30) == (read.encode(), b"")


def test_at_a_terminal_a_run_without_a_key_is_simulated() -> None:
    """stdout and stderr a terminal, no key: it runs, and one line says that it is simulated."""
    with Terminal("run", "-e", 'print(new_product():name("x"):create())', columns=400, TERM="dumb") as terminal:
        assert terminal.end() == 0
        notice, product = terminal.lines
    assert notice.startswith("SIMULATED")
    assert product.startswith("prod_")
