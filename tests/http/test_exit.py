"""A run that did its work ends with status 0, whatever loop it ran on and however it left.

pyreqwest 0.15.1 under plain asyncio aborted a third of such processes (PyGILState_Release, status 134); see
``host.bridge.loops.PatientLoop``.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, sys, time
from host.bridge.loops import PatientLoop, new_loop
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.worker import AsyncWorker
from host.http.client import HttpClient
from host.http.message import Request
from host.http.settings import HttpSettings

base, loop, end = sys.argv[1:]
factory = {"default": new_loop, "asyncio": PatientLoop}[loop]
client = HttpClient(HttpSettings(trust_env=False))

async def get(payload, deadline):
    return (await client.send(Request("GET", base + payload["data"]["path"], timeout=60), deadline)).status

if end == "own-loop":
    async def main():
        assert await get({"data": {"path": "/ok"}}, time.monotonic() + 20) == 200
        await client.aclose()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    sys.exit()

registry = AsyncFunctionRegistry()
worker = AsyncWorker(registry.functions, loop_factory=factory)
registry.register("get", get)
registry.attach(worker)
worker.add_closer(client.aclose)
assert registry.make_request("get", "GET", {"path": "/ok"}) == 200
if end == "in-flight":
    from host.bridge.request import AsyncRequest
    payload = {"data": {"path": "/hang"}}
    for _ in range(5):
        worker.submit(AsyncRequest("get", payload, time.monotonic() + 60, lambda reply: None))
    worker.run(lambda: asyncio.sleep(0))
    worker.stop(grace=0)
elif end == "stopped":
    worker.stop()
"""

STARTS = 10  # for each of eight ways and loops; a fault of one in three shows almost surely in each


@pytest.mark.parametrize("end", ["own-loop", "stopped", "forgotten", "in-flight"])
@pytest.mark.parametrize("loop", ["default", "asyncio"])
def test_a_short_process_ends_cleanly(server, loop, end):
    one_core = None
    if hasattr(os, "sched_setaffinity"):  # where it happened most
        one_core = lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # noqa: E731
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT, server.base, loop, end],
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=one_core,
        )
        assert (done.returncode, done.stderr) == (0, "")
