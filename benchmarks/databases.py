"""A PostgreSQL of a benchmark's own, which can be stopped and started, and counts its statements."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

from tests.crash.postgres import binaries

__all__ = ["CountingDatabase"]


class CountingDatabase:
    """A server in a folder of its own, on a free port, gone at the end. Synced to the disk, unlike those of tests."""

    def __init__(self, **options: str) -> None:
        folder = binaries()
        if folder is None:
            raise SystemExit("PostgreSQL is not installed (apt-get install postgresql)")
        self.binaries = Path(folder)
        self._home = Path(tempfile.mkdtemp(prefix="luahost-pg-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self._user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self._home, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "fleet", "-A", "trust", "-E", "UTF8", "--no-sync")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._home),
            "shared_preload_libraries": "pg_stat_statements",
            "pg_stat_statements.track_utility": "off",
            "max_connections": "300",
            **options,
        }
        self._options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self.url = f"postgresql://fleet@127.0.0.1:{self.port}/postgres"
        self.start()
        self.do("CREATE EXTENSION pg_stat_statements")

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def trust(self, network: str) -> None:
        """Let the machines of a network in."""
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {network} trust\n")
        self.do("SELECT pg_reload_conf()")

    def start(self) -> None:
        log = str(self._home / "log")
        self._run("pg_ctl", "-D", str(self._data), "-o", self._options, "-l", log, "-w", "-t", "60", "start")

    def stop(self, mode: str = "immediate") -> None:
        """``immediate`` is as a power cut: what was not synced is gone."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def do(self, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def forget_counts(self) -> None:
        self.do("SELECT pg_stat_statements_reset()")

    def counts(self) -> tuple[int, int, int]:
        """Statements, transactions and bytes of WAL since :meth:`forget_counts`, without what is asked here."""
        ((calls, wal),) = self.do(
            "SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(wal_bytes), 0)::bigint "
            "FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'",
            None,
        )
        ((commits,),) = self.do("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        return calls, commits, wal

    def cpu(self) -> float:
        """Seconds of processor time of all the server's processes so far, those that have ended included."""
        parent = (self._data / "postmaster.pid").read_text().splitlines()[0]
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if parent in (stat.parent.name, fields[1]):
                ticks += sum(map(int, fields[11:15] if stat.parent.name == parent else fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def dearest(self, most: int = 20) -> list[tuple[int, float, str]]:
        """The statements done most often: how often, milliseconds each (waiting included), and the text."""
        return self.do(
            "SELECT calls, mean_exec_time, regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements "
            "WHERE query NOT LIKE '%%pg_stat_statements%%' ORDER BY calls DESC LIMIT %s",
            [most],
        )

    def close(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> CountingDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.binaries / program), *arguments],
            check=True,
            cwd=self._home,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self._home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._user,
        )
