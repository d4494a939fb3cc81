"""Runs a durable script as a process, kills it at chosen moments, and runs it again until it is done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.apis.stripe import load
from host.simulator.simulator import Exchange, Simulator

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("script.lua")
KEY = "sk_test_crash0000000000"
MOMENTS = ("sent", "worked", "answered", "any time")


class Moments(Simulator):
    """The API, which kills its client: as a request arrives (``sent``), when it has done the work but not
    answered (``worked``), or up to 6 ms after it answered (``answered``: before, in, or after the journal's
    commit)."""

    def __init__(self) -> None:
        super().__init__(load(), key=KEY)
        self.plan: tuple[str, int, float] | None = None  # moment, which request, delay in seconds
        self.child: subprocess.Popen[Any] | None = None
        self.count = 0

    def begin(self, *args: Any) -> Exchange:
        self.count += 1
        self._maybe("sent")
        return super().begin(*args)

    def _finish(self, exchange: Exchange) -> Any:
        answer = super()._finish(exchange)
        self._maybe("worked")
        self._maybe("answered")
        return answer

    def _maybe(self, moment: str) -> None:
        if self.plan is None or self.plan[0] != moment or self.count < self.plan[1] or self.child is None:
            return
        child, delay = self.child, self.plan[2]
        self.plan = None
        if moment == "answered":
            timer = threading.Timer(delay, child.kill)
            timer.daemon = True
            timer.start()
        else:
            child.kill()


@dataclass
class Outcome:
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MOMENTS, 0))
    attempts: int = 0
    value: Any = None
    output: str = ""


def run_to_the_end(
    api: Moments, url: str, journal: str, run_id: str, kills: int, rng: random.Random, folder: Path
) -> Outcome:
    """Start, kill, start again; after ``kills`` deaths it may finish."""
    outcome = Outcome()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_API_BASE": url,
    }
    command = [sys.executable, "-m", "host", "run", "--json", "--durable", "--run-id", run_id]
    command += ["--journal", journal, str(SCRIPT)]
    while True:
        outcome.attempts += 1
        assert outcome.attempts < kills + 20, "it does not come to an end"
        moment = rng.choice(MOMENTS) if sum(outcome.kills.values()) < kills else ""
        api.count, api.child = 0, None
        api.plan = (moment, rng.randint(1, 8), rng.uniform(0, 0.006)) if moment not in ("", "any time") else None
        child = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        api.child = child
        timer = threading.Timer(rng.uniform(0.2, 1.0), child.kill) if moment == "any time" else None
        if timer is not None:
            timer.start()
        out, err = child.communicate()
        if timer is not None:
            timer.cancel()
            timer.join()
        outcome.output += out
        if child.returncode == -signal.SIGKILL:
            outcome.kills[moment] += 1
            continue
        assert child.returncode == 0, f"attempt {outcome.attempts} ended with {child.returncode}:\n{err}\n{out}"
        outcome.value = json.loads(out.splitlines()[-1])
        return outcome
