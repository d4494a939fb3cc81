"""A queue that delivers at least once is harmless: Celery on Redis, with the code of docs/queues.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from host.apis.stripe import load
from host.simulator.server import serve
from host.simulator.simulator import Simulator
from tests.fleet.machines import until

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "queues.md"

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")

SCRIPT = """
for n = 1, 4 do
  new_product():name(args[1] .. "." .. n):create()
  sleep(0.02)
end
return args[1]
"""

SENDER = """
import json, sys
from tasks import run_script
sent = [run_script.delay(sys.argv[1], name, args=[name]) for name in json.loads(sys.argv[2])]
print("sent", flush=True)
print(json.dumps([each.get(timeout=120) for each in sent]), flush=True)
"""


def block(name: str) -> str:
    """The block of the page that begins with the name of a file."""
    found = re.findall(r"^```py\n(# .*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return next(text for text in found if text.startswith(f"# {name}\n"))


@contextmanager
def started(*command: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A process, which is asked to end and then made to, with all that it started."""
    process = subprocess.Popen(command, text=True, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def ready(word: str, log: Path, *command: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has said so in its log."""
    with (
        log.open("w") as file,
        started(*command, stdout=file, stderr=file, cwd=log.parent, **options) as process,
    ):
        until(lambda: word in log.read_text() or process.poll() is not None, f"{log.stem}, ready", 60)
        assert process.poll() is None, log.read_text()
        yield process


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The URL of a Redis of its own, which keeps nothing."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with ready("Ready to accept connections", folder / "redis.log", *command):
        yield f"redis://127.0.0.1:{port}/0"


class CountedSimulator(Simulator):
    """Tells when so many requests have come."""

    def __init__(self) -> None:
        super().__init__(load())
        self._came = threading.Condition()
        self._requests = 0

    def begin(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Any:
        with self._came:
            self._requests += 1
            self._came.notify_all()
        return super().begin(method, target, headers, body)

    def wait_for(self, requests: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: self._requests >= requests, 120)

    def names(self) -> list[str]:
        """Of all products that were made, in order."""
        made = [self.store.get("product", id) for kind, id in self.ledger() if kind == "product"]
        return sorted(each["name"] for each in made if each is not None)


@pytest.fixture
def simulator() -> CountedSimulator:
    return CountedSimulator()


Worker = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def queue(tmp_path: Path, simulator: CountedSimulator) -> Iterator[tuple[dict[str, str], Worker]]:
    """The environment of Celery's processes, and what starts a worker of one process."""
    (tmp_path / "tasks.py").write_text(block("tasks.py"), encoding="utf-8")
    (tmp_path / "script.lua").write_text(SCRIPT, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "HOST_"))}
    with ExitStack() as stack:
        environment = {
            **kept,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            "CELERY_BROKER": stack.enter_context(redis(tmp_path)),
            "STRIPE_SECRET_KEY": "sk_test_" + "q" * 24,
            "STRIPE_API_BASE": stack.enter_context(serve(simulator)).url,
            "HOST_JOURNAL": str(tmp_path / "journal.sqlite"),
        }

        def worker(name: str) -> subprocess.Popen[str]:
            options = ["--concurrency", "1", "--loglevel", "INFO", "-n", name]
            command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", *options]
            return stack.enter_context(ready("ready.", tmp_path / f"{name}.log", *command, env=environment))

        yield environment, worker


def child_of(worker: subprocess.Popen[str]) -> int:
    """The process that runs tasks."""
    return int(Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()[-1])


def expected(runs: list[str]) -> list[str]:
    return sorted(f"{run}.{n}" for run in runs for n in range(1, 5))


def test_each_run_is_made_once_however_often_it_is_delivered(
    queue: tuple[dict[str, str], Worker], simulator: CountedSimulator, tmp_path: Path
) -> None:
    """12 runs, each sent twice to two workers, one of which is killed in the middle: 48 objects, none twice."""
    environment, worker = queue
    first, _ = worker("first@x"), worker("second@x")
    runs = [f"run{n}" for n in range(12)]
    twice = [name for name in runs for _ in range(2)]
    command = [sys.executable, "-c", SENDER, str(tmp_path / "script.lua"), json.dumps(twice)]
    with started(*command, stdout=subprocess.PIPE, env=environment, cwd=tmp_path) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "sent\n"
        for so_far in (5, 15):
            simulator.wait_for(so_far)
            os.kill(child_of(first), signal.SIGKILL)
        assert json.loads(sender.stdout.readline()) == twice
    assert simulator.names() == expected(runs)


def test_the_code_for_temporal_is_python() -> None:
    """Also where there is no server to test it with (``test_temporal.py``), the code compiles."""
    compile(block("activities.py"), "activities.py", "exec")
