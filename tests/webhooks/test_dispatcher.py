"""The handling of events outlives whatever one event, or one look into the inbox, ends with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from host.durable.journal import Journal
from host.errors import NetworkError, ScriptError
from host.webhooks import dispatcher
from host.webhooks.dispatcher import Dispatcher, Ended, Retry
from host.webhooks.event import STRIPE, ReceivedEvent
from host.webhooks.inbox import DueEvent, Inbox


class Ran(NamedTuple):
    """A run that succeeded."""

    error: ScriptError | None = None
    run_id: str = "r"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    journal = Journal.open(str(tmp_path / "j.sqlite"))
    yield Inbox(journal, "h")
    journal.close()


@pytest.mark.parametrize("where", ["handle", "inbox"])
@pytest.mark.parametrize("fault", [NetworkError("cut"), ZeroDivisionError("a bug"), KeyError("data")])
def test_an_event_is_handled_after_a_fault_nobody_foresaw(
    inbox: Inbox, where: str, fault: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is logged, and the event is handled when it is tried again."""
    monkeypatch.setattr(dispatcher, "ELSEWHERE", 0)
    monkeypatch.setattr(dispatcher, "IDLE", 0.01)
    faults = {where: [fault]}
    due = inbox.due

    def broken_due(most: int, *, ordered: bool) -> list[DueEvent]:
        if faults.get("inbox"):
            raise faults["inbox"].pop()
        return due(most, ordered=ordered)

    async def handle(event: DueEvent) -> Ran:
        if faults.get("handle"):
            raise faults["handle"].pop()
        return Ran()

    monkeypatch.setattr(inbox, "due", broken_due)
    ended: list[Ended] = []

    async def run() -> None:
        body = b'{"id": "evt_1", "type": "x.y", "created": 1, "data": {"object": {}}}'
        await inbox.add([ReceivedEvent.read(body, STRIPE)])
        done = asyncio.Event()

        def tell(each: Ended) -> None:
            ended.append(each)
            done.set()

        found = Dispatcher(inbox, handle, concurrency=1, retry=Retry(), ordered=False, tell=tell)
        running, reached = asyncio.create_task(found.run()), asyncio.create_task(done.wait())
        await asyncio.wait([running, reached], return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        await found.stop(10)
        await running

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert [each.how for each in ended] == ["done"]
    assert "cannot be" in caplog.messages[0]
