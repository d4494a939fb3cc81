"""A project of its own in a folder of its own, and pytest run in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """\
from host.testing import plugin

def pytest_configure(config):
    if not config.pluginmanager.has_plugin("luahost"):  # a source tree that is not installed
        config.pluginmanager.register(plugin, "luahost")
"""
OFF = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:asyncio")


@dataclass(frozen=True)
class Ran:
    status: int
    out: str

    @property
    def counts(self) -> dict[str, int]:
        """``{"passed": 3, …}`` of pytest's last line."""
        last = self.out.strip().splitlines()[-1]
        found = re.findall(r"(\d+) (\w+)", last)
        return {"error" if what == "errors" else what: int(n) for n, what in found}


Project = Callable[..., Ran]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """``project({"a_test.lua": "…"}, *arguments)``: write the files, run pytest there."""

    def run(files: dict[str, str], *arguments: str) -> Ran:
        always = {"conftest.py": CONFTEST, "pytest.ini": "[pytest]\nfilterwarnings = error\n"}
        for name, text in {**always, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        ours = ("STRIPE_", "HOST_", "PYTEST_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        environment["PYTHONPATH"] = str(ROOT)
        command = [sys.executable, "-m", "pytest", *OFF, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
        return Ran(done.returncode, done.stdout + done.stderr)

    return run
