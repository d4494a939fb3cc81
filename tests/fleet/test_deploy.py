"""The files of docs/deploy are what systemd and Compose take, and their commands are the program's."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from host.cli.commands import commands

DEPLOY = Path(__file__).parent.parent.parent / "docs" / "deploy"
UNIT = DEPLOY / "luahost-worker.service"


def check(arguments: list[str]) -> None:
    """A command line of ``luahost``: the command is there, and takes these options with these values."""
    name, *rest = arguments
    with click.Context(commands) as context:
        found = commands.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        found.make_context(name, rest, parent=context).close()


def start_of_unit() -> list[str]:
    line = re.search(r"^ExecStart=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert line is not None
    return line[1].split()


def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Nothing in it is unknown or wrong; only the place of the program is this test's."""
    text = UNIT.read_text(encoding="utf-8").replace(start_of_unit()[0], sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    told = [line for line in (done.stderr + done.stdout).splitlines() if UNIT.name in line]
    assert told == []


def test_a_mistake_in_the_unit_would_be_told(tmp_path: Path) -> None:
    """So that the test above can fail."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "wrong.service"
    copy.write_text("[Service]\nExecStart=/bin/true\nKillMood=mixed\n", encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "KillMood" in done.stderr + done.stdout


def test_the_unit_starts_a_worker() -> None:
    """With options the command takes."""
    _, module, host, *arguments = start_of_unit()
    assert (module, host, arguments[0]) == ("-m", "host", "worker")
    check(arguments)


def test_the_compose_file_starts_workers() -> None:
    """Each service of the program gives a command line the program takes; what they depend on is there."""
    services = compose()["services"]
    ours = {name: each for name, each in services.items() if "build" in each}
    assert ours
    for each in ours.values():
        check(each["command"])
        assert set(each.get("depends_on", {})) <= set(services)
        assert "HOST_DATABASE" in each["environment"]


def test_a_worker_is_given_time_to_drain() -> None:
    """As long under systemd as under Compose, and more than it takes itself."""
    command = compose()["services"]["worker"]["command"]
    grace = command[command.index("--grace") + 1]
    assert f"--grace {grace} " in UNIT.read_text(encoding="utf-8")
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert stop is not None
    assert compose()["services"]["worker"]["stop_grace_period"] == f"{stop[1]}s"
    assert int(stop[1]) >= int(grace) + 10
