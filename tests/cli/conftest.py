"""A command line to call: in this process, or as a process of its own where signals and pipes matter."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from host.cli import main

ROOT = Path(__file__).parents[2]
TIMEOUT = 180.0  # seconds a process of a test may live


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no settings, an empty folder."""
    for name in list(os.environ):
        if name.startswith(("STRIPE_", "HOST_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """``cli("run", …)`` in this process: status, stdout, stderr."""

    def call(*arguments: str) -> Done:
        status = main(arguments)
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return call


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """``process("run", …)``: started, with pipes; what is left of it is killed at the end of the test, or when a line
    of it has been waited for in vain for long."""
    started: list[subprocess.Popen[bytes]] = []
    timers: list[threading.Timer] = []

    def start(*arguments: str, **options: int) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        started.append(subprocess.Popen([sys.executable, "-m", "host", *arguments], env=environment, **pipes))
        timers.append(threading.Timer(TIMEOUT, started[-1].kill))
        timers[-1].daemon = True
        timers[-1].start()
        return started[-1]

    yield start
    for timer in timers:
        timer.cancel()
    for child in started:
        with child:  # closes its pipes and waits
            child.kill()
