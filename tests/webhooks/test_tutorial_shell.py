"""docs/tutorial.md as it is written: its commands in processes of their own, and its checkout page in a browser."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import IO

import httpx
import pytest

from tests.report.chromium import needs_chromium
from tests.webhooks.browser import TIMEOUT, browser

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
SUCCESS = "https://example.com/welcome"


def commands() -> list[list[str]]:
    """The words of each command in a block of its own, without the program's name."""
    blocks = re.findall(r"```sh\n(.*?)```", TUTORIAL, re.DOTALL)
    lines = [line for block in blocks for line in block.strip().splitlines()]
    return [shlex.split(line)[1:] for line in lines]


def steps() -> list[tuple[str, str]]:
    """The rows of the page's table: what is done, and the access it leads to."""
    rows = [line.strip("| ").split(" | ") for line in TUTORIAL.splitlines() if line.startswith("| ")]
    return [(row[0], row[-1].strip("` ")) for row in rows if row[0] != "step"]


class Shell:
    """Where the tutorial is followed: an empty home, and the repository's scripts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "lua_scripts").symlink_to(ROOT / "lua_scripts")
        own = ("STRIPE_", "HOST_", "XDG_", "PYTEST")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self.environment = {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
        self.running: list[subprocess.Popen[str]] = []

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-m", "host", *words]
        self.running.append(
            subprocess.Popen(command, cwd=self._folder, env=self.environment, text=True, **pipes)  # type: ignore[call-overload]
        )
        return self.running[-1]

    def run(self, words: list[str]) -> str:
        """What a command prints; it must succeed."""
        process = self.start(words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return str(out)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    for process in made.running:
        with process:
            process.kill()


def pay_by_form(url: str, folder: Path) -> None:
    """Send what the page's form has, as a browser does."""
    page = httpx.get(url).text
    names = re.findall(r'<(?:input|select) name="(\w+)"', page)
    assert {"email", "payment_method"} <= set(names)
    sent = httpx.post(url, data={"payment_method": "pm_card_visa", "email": "jenny@example.com"})
    assert (sent.status_code, sent.headers["location"]) == (303, SUCCESS)


def pay_in_a_browser(url: str, folder: Path) -> None:
    """Be declined once, then choose another card in the page's form, and be led on."""
    with browser(folder / "browser") as shown:
        shown.open(url)
        assert shown.run("document.title") == "Checkout: subscription"
        assert "2000 usd" in shown.run("document.querySelector('#total').textContent")
        choose = (
            "document.querySelector('[name=payment_method]').value = '{}'; document.querySelector('button').click()"
        )
        shown.run(choose.format("pm_card_chargeDeclined"))
        shown.wait("Page.loadEventFired")
        assert "declined" in shown.run("document.querySelector('[role=alert]').textContent")
        shown.run(choose.format("pm_card_visa"))
        while (asked := shown.wait("Network.requestWillBeSent"))["request"]["url"] != SUCCESS:
            assert asked["request"]["url"].startswith("http://127.0.0.1:")


def ended(process: subprocess.Popen[str]) -> str:
    """All that it has said on stderr, once it is made to end."""
    process.kill()
    return process.communicate()[1]


def lines_until(stream: IO[str], wanted: str) -> list[str]:
    found: list[str] = []
    while not found or wanted not in found[-1]:
        line = stream.readline()
        assert line, found
        found.append(line)
    return found


@pytest.mark.parametrize(
    "pay", [pay_by_form, pytest.param(pay_in_a_browser, marks=needs_chromium)], ids=["form", "browser"]
)
def test_the_tutorial_does_what_it_says(shell: Shell, tmp_path: Path, pay: Callable[[str, Path], None]) -> None:
    """Each command as the page has it; after each step the customer's access is what the page says."""
    simulate, listen = commands()
    simulator = shell.start([word if word != "12111" else "0" for word in simulate])
    assert simulator.stdout is not None
    for line in lines_until(simulator.stdout, "STRIPE_SECRET_KEY")[1:]:
        name, _, value = line.removeprefix("export ").strip().partition("=")
        shell.environment[name] = value
    listener = shell.start(listen)
    assert listener.stderr is not None
    lines_until(listener.stderr, "polling for events")
    base, key = shell.environment["STRIPE_API_BASE"], shell.environment["STRIPE_SECRET_KEY"]
    told: dict[str, str] = {}

    def access() -> str:
        answer = httpx.get(f"{base}/v1/customers/{told['customer']}", headers={"Authorization": f"Bearer {key}"})
        return str(answer.json()["metadata"].get("access", "–"))

    done = 0
    for step, wanted in steps():
        if "open the page in a browser" in step:
            pay(told["checkout"], tmp_path)
        else:
            command = step.strip("` ").replace("…", "luahost run lua_scripts/membership.lua", step.startswith("`…"))
            words = [told["customer"] if word == "cus_…" else word for word in shlex.split(command)[1:]]
            told |= dict(line.split(" ", 1) for line in shell.run(words).splitlines() if " " in line)
        until = monotonic() + TIMEOUT
        while (found := access()) != wanted:
            assert listener.poll() is None
            assert monotonic() < until, f"{step}: access is {found}, not {wanted}; {ended(listener)}"
        done += 1
    assert done == 6
    listener.terminate()
    assert listener.wait(60) == 0
