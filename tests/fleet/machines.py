"""The machines of a fleet's tests: a PostgreSQL server that can be restarted, workers as processes and as threads."""

from __future__ import annotations

import asyncio
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from host import Host
from host.apis.stripe import load
from host.simulator.simulator import Exchange, Simulator

ROOT = Path(__file__).parents[2]
KEY = "sk_test_fleet51Habcdefghijk"
FIVE = "for n = 1, 5 do new_product():name(args[1] .. ' ' .. n):create() end print('made ' .. args[1]) return args[1]"


def binaries() -> str | None:
    """The folder of ``initdb``; Debian keeps it off the PATH."""
    found = shutil.which("initdb")
    places = [os.path.dirname(os.path.realpath(found))] if found else sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    return places[-1] if places else None


class Server:
    """A PostgreSQL server of the tests' own. It refuses to be root's: it is then ``postgres``'s or nobody's."""

    def __init__(self, more: str = "") -> None:
        folder = binaries()
        assert folder is not None
        self._more = more
        self._home = tempfile.mkdtemp(prefix="luahost-fleet-", dir="/tmp")
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {each.pw_name: each for each in pwd.getpwall()}
            account = names.get("postgres") or names["nobody"]
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self._home, account.pw_uid, account.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._data, self._bin = f"{self._home}/data", folder
        self._run("initdb", "-D", self._data, "-U", "me", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [f"{self._bin}/{program}", *arguments], check=True, cwd=self._home, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": self._home}, **self._as,
        )  # fmt: skip

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._home} -c fsync=off"
        self._run(
            "pg_ctl",
            "-D",
            self._data,
            "-o",
            f"{options} {self._more}",
            "-l",
            f"{self._home}/log",
            "-w",
            "-t",
            "60",
            "start",
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def start_again(self) -> None:
        """Start it unless it runs."""
        with suppress(subprocess.CalledProcessError):
            self.start()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def log_size(self) -> int:
        return os.path.getsize(f"{self._home}/log")

    def log_from(self, start: int) -> bytes:
        with open(f"{self._home}/log", "rb") as file:
            file.seek(start)
            return file.read()

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://me@127.0.0.1:{self.port}/{name}"


class Ledger(Simulator):
    """The API, which can be waited for until it has got so many requests, and tells what it made."""

    def __init__(self) -> None:
        super().__init__(load(), key=KEY)
        self.arrived = 0

    def begin(self, *args: Any) -> Exchange:
        self.arrived += 1
        return super().begin(*args)

    def products(self) -> list[str]:
        found = [self.store.get("product", id) for kind, id in self.ledger() if kind == "product"]
        return sorted(each["name"] for each in found if each is not None)


def five(*names: str) -> list[str]:
    """The products that ``FIVE`` makes with each of these names."""
    return sorted(f"{name} {n}" for name in names for n in range(1, 6))


def until(condition: Callable[[], Any], what: str, seconds: float = 40.0) -> Any:
    """Wait for something that happens in other processes."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)
    return found


def rows(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


class Link:
    """A way to a port of this machine that can be cut: connections stay open, and nothing comes through."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open = threading.Event()
        self._open.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.port = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()  # what it has just accepted is among these
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(("127.0.0.1", self._to), timeout=10)
            except OSError:  # nobody is there
                here.close()
                continue
            there.settimeout(None)
            self._sockets += [here, there]
            for ends in ((here, there), (there, here)):
                self._threads.append(threading.Thread(target=self._carry, args=ends))
                self._threads[-1].start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Process:
    """A worker process. ``ahead`` is how many seconds its clock is."""

    def __init__(
        self,
        url: str,
        api: str,
        folder: Path,
        *,
        lease: float = 2.0,
        ahead: float = 0.0,
        more: Any = (),
        check: str | None = None,
    ) -> None:
        number = len(list(folder.glob("worker*.log")))
        self.log = folder / f"worker{number}.log"
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": api, "HOST_DATABASE": url, "HOST_RUN_LEASE": str(lease),
        }  # fmt: skip
        if ahead:
            wrong = folder / f"clock{number}"
            wrong.mkdir()
            (wrong / "sitecustomize.py").write_text(
                f"import time\nright = time.time\ntime.time = lambda: right() + {ahead}\n"
            )
            environ["PYTHONPATH"] = f"{wrong}:{ROOT}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "host", "worker", *more], cwd=folder, env=environ, stdout=log, stderr=log
            )
        until(lambda: self.name or self.process.poll() is not None, "a worker that says its name")
        assert self.process.poll() is None, self.log.read_text()
        until(
            lambda: rows(check or url, "SELECT 1 FROM luahost_worker WHERE name = %s", self.name),
            "a worker that is registered",
        )

    @property
    def name(self) -> str:
        text = self.log.read_text()
        return text.partition("worker ")[2].partition(" runs up to")[0] if " runs up to" in text else ""

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


@contextmanager
def working(host: Host, **options: Any) -> Iterator[list[str]]:
    """A worker of this process, on a thread with a loop of its own; gives the lines it tells."""
    told: list[str] = []
    worker = host.fleet_worker(tell=told.append, **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(worker.run()))
    thread.start()
    try:
        yield told
    finally:
        loop.call_soon_threadsafe(worker.stop)
        thread.join()
        loop.close()
