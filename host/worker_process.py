"""The worker process: a host whose limits are leased and whose simulator and runs are its parent's.

It reads messages from standard input and writes them to standard output, until its parent closes or is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from host.apis.api import Api
from host.errors import HostError
from host.events import Event, Sink
from host.host import Host
from host.http.api_limits import policies_of
from host.http.chain import chain
from host.http.circuit_breaker import CircuitBreakerPolicy
from host.http.message import Send
from host.http.sender import HttpxParts
from host.policy.policy import HostPolicy
from host.processes import messages as m
from host.processes.channel import FramePipes
from host.processes.codec import api_of, happened
from host.processes.once import RemoteOnce
from host.processes.remote_simulator import RemoteClient
from host.processes.setup import run_setup
from host.processes.shared_limits import ALL
from host.remote.job import narrowed, text_in, text_out
from host.remote.leased_limits import LeasedLimiter
from host.remote.limit_messages import Message
from host.remote.result import RemoteResult
from host.run.options import RunOptions
from host.run.script import RunResult, Script
from host.run.session import Session
from host.settings import Settings

__all__ = ["main"]

GRACE = 2.0  # seconds for the last messages to be read by the parent


class ChildHost(Host):
    """A host of which one process is the parent's child. ``send(message)`` sends to the parent."""

    def __init__(self, opening: m.Open, send: Callable[[Message], None], sink: Sink) -> None:
        self._opening = opening
        self._send = send
        self._sink = sink
        self.leased = LeasedLimiter(
            opening.rates, opening.per_host, CircuitBreakerPolicy(), send, of_apis=opening.of_apis
        )
        self.remote = RemoteClient(send)
        self._once = RemoteOnce(send)
        super().__init__(simulate=opening.simulated, sinks=[sink] if opening.watched else [], **opening.options)
        self._granted: dict[bytes, tuple[RunOptions, HostPolicy]] = {}
        self._engine.worker.share_room(lambda calls: self.leased.room(ALL, opening.room, calls))

    def receive(self, message: Message) -> None:
        """What the parent said of limits and simulated calls; from the reading thread."""
        if isinstance(message, m.Answered):
            self._engine.worker.call_soon(self.remote.receive, message)
        elif isinstance(message, m.OnceAnswered):
            self._once.receive(message)
        else:
            self._engine.worker.call_soon(self.leased.receive, message, monotonic())

    def offered(self, api: Api) -> None:
        """Scripts have an API from now on; on a simulated host the parent simulates it."""
        self._granted.clear()  # they know the secrets there were
        self._added.take(api, rules=self._rules, sender=self._sender, redactor=self._services.redactor)

    def start(self, run: m.StartJob, script: Script, finished: Callable[[RunResult], None]) -> Session:
        """Begin a run."""
        narrowed_options, rules = self._told(run)
        sinks = [self._sink] if run.watched and not self._opening.watched else []
        options = run.job.run_options(narrowed_options, sinks)
        once = self._once.of(run.id) if run.batch else None
        session = self._runs.begin(script, options, finished, run_id=run.run_id, rules=rules, once=once)
        assert isinstance(session, Session)
        return session

    def _told(self, run: m.StartJob) -> tuple[RunOptions, HostPolicy]:
        """What a run may do was decided by the parent; here it holds. Nearly all runs have the same."""
        key = msgspec.msgpack.encode((run.job.options, run.env))
        found = self._granted.get(key)
        if found is None:
            options = narrowed(run.job.options)
            rules = HostPolicy(options.permissions, None, self._apis, self._services.redactor, env=run.env, environ={})
            if len(self._granted) >= 100:
                self._granted.clear()
            found = self._granted[key] = replace(options, permissions=None), rules
        return found

    def _read_settings(self, given: Any, file: Any, claimed: Any) -> Settings:
        return Settings(**self._opening.settings)  # the parent's, whatever this process's environment says

    def _check_key(self) -> None:
        pass  # the parent's host would not be there

    def _open_client(self, parts: HttpxParts) -> Any:
        return self.remote if self.simulated else super()._open_client(parts)

    def _chain(self, send: Send) -> Send:
        return chain(
            send,
            limits=self.leased,
            on_wait=self._engine.on_wait,
            policies=policies_of(self.settings),
        )


class Child:
    """What the process does with its parent's messages."""

    def __init__(self, channel: FramePipes) -> None:
        self._channel = channel
        self.detailed = self.lines = False  # as a sink
        self._host: ChildHost | None = None
        self._scripts: dict[int, Script] = {}
        self._sessions: dict[int, Session] = {}

    def serve(self) -> None:
        """Until the parent closes, or is gone: then everything here ends immediately."""
        for frame in self._channel.frames():
            message = m.from_parent(frame)
            if isinstance(message, m.Open):
                if not self._open(message):
                    return
            elif isinstance(message, m.Close):
                if self._host is not None:
                    self._host.close(message.grace)
                return
            elif self._host is not None:
                self._receive(self._host, message)

    def send(self, message: Message) -> None:
        self._channel.send(m.to_bytes(message))

    def emit(self, event: Event) -> None:
        """This is the host's sink: events go to the parent's sinks."""
        self._channel.send(m.to_bytes(happened(event)), patient=True)

    def _open(self, opening: m.Open) -> bool:
        self.detailed, self.lines = opening.detailed, opening.lines
        try:
            self._host = ChildHost(opening, self.send, self)
            run_setup(opening.setup, self._host)
        except HostError as error:
            self.send(m.Refused(type(error).__name__, error.message, error.hint))
            return False
        self.send(m.Ready())
        return True

    def _receive(self, host: ChildHost, message: Any) -> None:
        match message:
            case m.StartJob():
                self._run(host, message)
            case m.Kill(id, why):
                session = self._sessions.get(id)
                if session is not None:
                    session.kill(why)
            case m.Source(key, name, text, folder):
                place = None if folder is None else Path(os.fsdecode(folder))
                self._scripts[key] = Script(text_in(name), text, place)
            case m.Offered():
                host.offered(api_of(message))
            case m.Forget(key):
                del self._scripts[key]
            case m.StatsRequested(id):
                self.send(m.Health(id, msgspec.structs.asdict(host.stats())))
            case _:
                host.receive(message)

    def _run(self, host: ChildHost, run: m.StartJob) -> None:
        def finished(result: RunResult) -> None:
            self._sessions.pop(run.id, None)
            early.append(None)
            ended = m.JobEnded(run.id, RemoteResult.of(result), text_out(result.output))
            self._channel.send(m.to_bytes(ended), patient=True)

        early: list[None] = []
        session = host.start(run, self._scripts[run.script], finished)
        if not early:  # it may have ended before it is written down here
            self._sessions[run.id] = session
            if early:
                self._sessions.pop(run.id, None)


def main() -> int:
    """Serve the process that started this one. Returns the exit status."""
    reading, writing = os.dup(0), os.dup(1)
    # The pipes are for messages: what somebody's setup prints goes to stderr, and nobody reads from them.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    channel = FramePipes(reading, writing, "host-child")
    Child(channel).serve()
    channel.flush(GRACE)
    sys.stderr.flush()
    return 0
