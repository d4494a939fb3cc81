"""How soon a webhook is acknowledged: ``luahost listen`` beside an endpoint that only stores the body.

    python -m benchmarks.webhooks [--events 2000] [--senders 32] [--rounds 5]

Both are processes of their own under uvicorn and commit each event to SQLite (WAL, synchronous=FULL) before they
answer. The other one is Starlette with one INSERT a request on a thread. The handler does nothing, so that what is
measured is the acknowledgement, with the handling of what came before beside it. Prints the median and the 99th centile
in ms of each, and the ratio of the medians over interleaved rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from host.serve.signatures import sign

SECRET = "whsec_benchmark"
BARE = """
import sqlite3, sys, threading, uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

lock = threading.Lock()
db = sqlite3.connect(sys.argv[2], isolation_level=None, check_same_thread=False)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, body BLOB)")

def store(body):
    with lock:
        db.execute("INSERT INTO event (body) VALUES (?)", (body,))

async def hook(request):
    await run_in_threadpool(store, await request.body())
    return JSONResponse({"received": True})

app = Starlette(routes=[Route("/webhook", hook, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", access_log=False)
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def start(which: str, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The server's process and its URL, once it answers."""
    port = free_port()
    database = str(folder / f"{which}-{port}.sqlite")
    if which == "bare":
        command = [sys.executable, "-c", BARE, str(port), database]
    else:
        script = folder / "handlers.lua"
        script.write_text('on("invoice.paid", function(event) end)')
        command = [sys.executable, "-m", "host", "listen", str(script), "--simulate", "--secret", SECRET]
        command += ["--port", str(port), "--journal", database]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/webhook"
    while True:
        try:
            httpx.get(url)
            return process, url
        except httpx.TransportError:
            if process.poll() is not None:
                raise SystemExit(f"{which} ended with {process.returncode}") from None
            time.sleep(0.02)


async def send(url: str, events: int, senders: int, first: int) -> list[float]:
    """Milliseconds of each acknowledgement."""
    numbers = iter(range(first, first + events))
    taken: list[float] = []

    async def sender(client: httpx.AsyncClient) -> None:
        for n in numbers:
            data = {"object": {"id": f"in_{n}", "object": "invoice", "lines": ["x" * 100] * 20}}
            event = {"id": f"evt_{n}", "object": "event", "type": "invoice.paid", "created": n, "data": data}
            body = json.dumps(event).encode()
            headers = {"Stripe-Signature": sign(body, [SECRET], int(time.time()))}
            before = time.perf_counter()
            answer = await client.post(url, content=body, headers=headers)
            taken.append((time.perf_counter() - before) * 1000)
            answer.raise_for_status()

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=senders)) as client:
        await asyncio.gather(*(sender(client) for _ in range(senders)))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--senders", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    medians: dict[str, list[float]] = {"bare": [], "listen": []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        for _ in range(options.rounds):
            for which, found in medians.items():
                process, url = start(which, Path(folder))
                asyncio.run(send(url, 50, options.senders, 10**9))
                taken = sorted(asyncio.run(send(url, options.events, options.senders, 0)))
                process.send_signal(signal.SIGTERM)
                process.wait()
                found.append(statistics.median(taken))
                print(f"{which:>7}: median {found[-1]:6.2f} ms, 99 % {taken[int(len(taken) * 0.99)]:6.2f} ms")
    ratios = [ours / theirs for ours, theirs in zip(medians["listen"], medians["bare"], strict=True)]
    print(f"listen ÷ bare: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
