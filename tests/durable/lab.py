"""What tests of durable runs need: an API that outlives hosts, and a journal that can be cut short."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from host import Host, RunResult
from host.apis.stripe import load
from host.events import Event, Printed
from host.simulator.simulator import Exchange, Simulator


class Counted(Simulator):
    """A simulator that counts requests, and can be told to hold them back."""

    def __init__(self) -> None:
        super().__init__(load())
        self.requests = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def begin(self, *args: Any) -> Exchange:
        self.requests += 1
        return super().begin(*args)

    def _finish(self, exchange: Exchange) -> Any:
        self.entered.set()
        assert self.gate.wait(10)
        return super()._finish(exchange)


class Lab:
    """One API, one journal, and hosts that come and go."""

    def __init__(self, folder: Path) -> None:
        self.api = Counted()
        self.path = str(folder / "journal.sqlite")
        self.events: list[Event] = []

    def host(self, **more: Any) -> Host:
        return Host(simulator=self.api, journal=self.path, sinks=[self], **more)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def run(self, code: str, **more: Any) -> RunResult:
        with self.host() as host:
            return host.run_source(code, run_id="r", **more)

    def resume(self, **more: Any) -> RunResult:
        with self.host() as host:
            return host.resume("r", **more)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(self.path)
        try:
            with db:
                return db.execute(statement, values).fetchall()
        finally:
            db.close()

    def break_off(self, after: int, run: str = "r") -> None:
        """As if the process had died when the log was so long."""
        self.sql("DELETE FROM luahost_record WHERE run = ? AND seq > ?", run, after)
        self.sql("UPDATE luahost_run SET status = 'running', owner = NULL, printed = 0 WHERE id = ?", run)

    def log(self) -> list[tuple[int, str, str]]:
        return self.sql("SELECT seq, kind, name FROM luahost_record ORDER BY seq")

    def seq(self, kind: str, name: str) -> int:
        """Where the first record of this kind and name is."""
        return next(seq for seq, its_kind, its_name in self.log() if (its_kind, its_name) == (kind, name))

    def printed(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Printed))

    def made(self) -> int:
        return len(self.api.ledger())
