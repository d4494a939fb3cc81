"""``dashboard`` as a process: what it refuses, how it ends, what stays of what it carried on."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Cli, clean, cli, process
from tests.dashboard.conftest import TOKEN, Page

__all__ = ["clean", "cli", "process"]

Process = Callable[..., subprocess.Popen[bytes]]


def ended(client: httpx.Client, page: Page) -> Page:
    """The page of a run once what was asked for there has ended."""
    return looked_at(client, page, lambda text: "under way." not in text)


def looked_at(client: httpx.Client, page: Page, enough: Callable[[str], bool]) -> Page:
    """The page once it says what is waited for."""
    until = time.monotonic() + 60
    while not enough(page.text) and time.monotonic() < until:
        page = Page(client.get(page.answer.url))
    return page


def address(running: subprocess.Popen[bytes]) -> str:
    assert running.stderr is not None
    line = running.stderr.readline().decode()
    found = re.search(r"at (http\S+)", line)
    assert found is not None, line
    return found[1]


@pytest.mark.parametrize(
    ("arguments", "variables", "told", "status"),
    [
        (["--listen", "0.0.0.0"], {}, "needs a token", 3),
        (["--listen", "0.0.0.0"], {"HOST_DASHBOARD_TOKEN": "short"}, "16 characters", 3),
        (["--listen", "::"], {}, "needs a token", 3),
        (["--listen", "not.an.address.example"], {"HOST_DASHBOARD_TOKEN": TOKEN}, "cannot listen", 2),
        (["--port", "70000"], {}, "70000", 2),
        (["--journal", "/dev/null/j"], {}, "journal", 3),
        (["script.lua"], {}, "script.lua", 2),
    ],
)
def test_what_cannot_be_is_refused_before_it_listens(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variables: dict[str, str],
    told: str,
    status: int,
) -> None:
    """With the exit code and a message that names it, and no journal made on the way."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = cli("dashboard", *arguments, *([] if "--journal" in arguments else ["--journal", "j.sqlite"]))
    assert (done.status, told in done.err) == (status, True), done.err
    assert TOKEN not in done.err
    assert "needs a token" not in told or not Path("j.sqlite").exists()


def test_a_journal_that_is_not_there_is_said_to_be_new(process: Process) -> None:
    """A misspelt name shows on the line after the address; the dashboard of a journal that is there says nothing."""
    told = []
    for _ in range(2):
        running = process("dashboard", "--port", "0", "--journal", "misspelt.sqlite")
        address(running)
        running.send_signal(signal.SIGTERM)
        assert running.stderr is not None
        told.append(running.stderr.read().decode())
        assert running.wait(20) == 0
    assert "misspelt.sqlite: the file does not exist; a new one is created" in told[0]
    assert "does not exist" not in told[1]


def test_without_its_extra_it_says_which(tmp_path: Path) -> None:
    """A machine without Starlette is told what to install."""
    code = "import sys; sys.modules['starlette'] = None; from host.cli import main; sys.exit(main(['dashboard']))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 3
    assert "luahost[dashboard]" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_and_what_it_carries_on_can_be_resumed(process: Process, cli: Cli, number: int) -> None:
    """Status 0; the run it was resuming is interrupted, and done when it is resumed elsewhere."""
    Path("s.lua").write_text('stripe.customers.create{name="a"} error("x")')
    assert cli("run", "--simulate", "--durable", "--run-id", "r", "--journal", "j.sqlite", "s.lua").status == 1
    Path("s.lua").write_text('stripe.customers.create{name="a"} sleep(3600)')
    running = process("dashboard", "--port", "0", "--journal", "j.sqlite")
    url = address(running)
    with httpx.Client(base_url=url, follow_redirects=True) as client:
        page = Page(client.get("/runs/r"))
        page = Page(client.post("/runs/r/resume", data=page.forms["/runs/r/resume"]))
        assert "/runs/r/cancel" in page.forms
        looked_at(client, page, lambda text: "r running" in text)
    running.send_signal(number)
    assert running.wait(20) == 0
    assert running.stderr is not None
    assert b"Traceback" not in running.stderr.read()
    assert "interrupted" in cli("runs", "list", "--journal", "j.sqlite").out
    Path("s.lua").write_text('stripe.customers.create{name="a"} return 1')
    assert cli("resume", "r", "--journal", "j.sqlite").status == 0


def test_killed_it_leaves_a_run_that_can_be_resumed(process: Process, cli: Cli) -> None:
    """After kill -9 the run is broken off, and another dashboard goes on with it."""
    Path("s.lua").write_text('stripe.customers.create{name="a"} error("x")')
    cli("run", "--simulate", "--durable", "--run-id", "r", "--journal", "j.sqlite", "s.lua")
    Path("s.lua").write_text('stripe.customers.create{name="a"} sleep(3600)')
    running = process("dashboard", "--port", "0", "--journal", "j.sqlite")
    with httpx.Client(base_url=address(running), follow_redirects=True) as client:
        fields = Page(client.get("/runs/r")).forms["/runs/r/resume"]
        page = Page(client.post("/runs/r/resume", data=fields))
        looked_at(client, page, lambda text: "r running" in text)
    running.kill()
    running.wait(20)
    Path("s.lua").write_text('stripe.customers.create{name="a"} print("on it went")')
    running = process("dashboard", "--port", "0", "--journal", "j.sqlite")
    with httpx.Client(base_url=address(running), follow_redirects=True) as client:
        page = Page(client.get("/runs/r"))
        assert "r broken off" in page.text
        page = ended(client, Page(client.post("/runs/r/resume", data=page.forms["/runs/r/resume"])))
        assert "on it went" in page.text
    db = sqlite3.connect("j.sqlite")
    assert db.execute("SELECT status FROM luahost_run WHERE id = 'r'").fetchall() == [("done",)]
    db.close()


def test_it_grants_what_its_options_say(process: Process, cli: Cli) -> None:
    """A run that is resumed under --read-only changes nothing."""
    Path("s.lua").write_text('error("x")')
    cli("run", "--simulate", "--durable", "--run-id", "r", "--journal", "j.sqlite", "s.lua")
    Path("s.lua").write_text('stripe.customers.create{name="a"}')
    running = process("dashboard", "--port", "0", "--journal", "j.sqlite", "--read-only")
    with httpx.Client(base_url=address(running), follow_redirects=True) as client:
        fields = Page(client.get("/runs/r")).forms["/runs/r/resume"]
        page = ended(client, Page(client.post("/runs/r/resume", data=fields)))
    assert "customers.create" in page.text
    assert "not allowed" in page.text or "read-only" in page.text


def test_the_token_comes_from_the_environment_and_is_shown_nowhere(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on the terminal, nor in an address, nor on a page."""
    monkeypatch.setenv("HOST_DASHBOARD_TOKEN", TOKEN)
    running = process("dashboard", "--port", "0", "--journal", "j.sqlite", "--listen", "0.0.0.0")
    url = address(running).replace("0.0.0.0", "127.0.0.1")
    with httpx.Client(base_url=url, follow_redirects=True) as client:
        assert client.get("/").url.path == "/login"
        answer = client.post("/login", data={"token": TOKEN})
        assert answer.url.path == "/"
        assert TOKEN not in answer.text
    running.terminate()
    assert running.wait(20) == 0
    assert running.stderr is not None
    assert TOKEN.encode() not in running.stderr.read()


def examples() -> list[list[str]]:
    """The command lines of docs/dashboard.md, as a shell has them."""
    text = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("luahost dashboard")]
    assert len(lines) >= 2
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.parametrize("arguments", examples(), ids=" ".join)
def test_each_command_of_its_page_serves(
    process: Process, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """As it stands there, but for the port; the token is made as the page says."""
    if "--listen" in arguments:
        monkeypatch.setenv("HOST_DASHBOARD_TOKEN", secrets.token_urlsafe())
    running = process(*arguments, "--port", "0", "--journal", "j.sqlite")
    url = address(running).replace("0.0.0.0", "127.0.0.1")
    answer = httpx.get(url, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path == ("/login" if "--listen" in arguments else "/")
    running.terminate()
    assert running.wait(20) == 0


def test_its_page_names_every_option(cli: Cli) -> None:
    """docs/dashboard.md has each option that this command alone has."""
    text = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text(encoding="utf-8")
    for option in ("--port", "--listen", "--allow-host"):
        assert option in cli("dashboard", "--help").out
        assert f"| `{option} " in text
