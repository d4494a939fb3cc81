"""``worker --metrics-port``: a real worker tells of the runs it does, until it is drained."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from host import Host
from tests.fleet.test_health import samples

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def worker(database: str, folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A worker's process, and where its metrics are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "HOST_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "host", "worker", "--simulate", "--metrics-port", "0", *options],
        env={**kept, "PYTHONPATH": str(ROOT), "HOST_DATABASE": database},
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"metrics at (\S+)/metrics", line):
                break
        else:
            raise AssertionError(f"the worker ended: {''.join(said)}")
        reader = threading.Thread(target=deque, args=(process.stderr, 0))
        reader.start()
        yield process, found[1]
        process.kill()
        process.wait()
        reader.join()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_worker_tells_of_its_runs_and_drains(database: str, tmp_path: Path) -> None:
    """What it took and how it ended is in its metrics, its limits are the fleet's; SIGTERM ends it with status 0."""
    with worker(database, tmp_path, "--queue", "default", "--concurrency", "7") as (process, url):
        with Host(simulate=True, database=database) as host:
            good = host.submit(host.compile('new_product():name("x"):create()\nreturn 1'))
            bad = host.submit(host.compile('error("no")\nreturn 1'))
            assert good.result(60).value == 1
            assert bad.result(60).error is not None
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/readyz").text == "ready\n"
        waiting = "luahost_queue_depth", frozenset({("queue", "default")})
        running = "luahost_runs_in_flight", frozenset[Any]()
        while (found := samples(httpx.get(f"{url}/metrics").text))[running] or found[waiting]:
            pass  # a result is there before its worker has counted it, and what waits is counted now and then
        assert found["luahost_runs_taken_total", frozenset()] == 2
        assert found["luahost_runs_ended_total", frozenset({("outcome", "done")})] == 1
        assert found["luahost_runs_ended_total", frozenset({("outcome", "failed")})] == 1
        assert found["luahost_runs_concurrency", frozenset()] == 7
        assert found["luahost_database_up", frozenset()] == 1
        process.terminate()
        assert process.wait(60) == 0
