"""Asking for events: none is lost between two questions or over a restart, and none is handled twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.durable.journal import Journal
from host.errors import NetworkError
from host.webhooks.inbox import Inbox
from host.webhooks.poller import OVERLAP, PAGE, Poller


class Api:
    """A list of events, newest first, in pages, that may fail."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.fails_after = 10**9

    def happen(self, id: str, created: int) -> None:
        self.events.insert(0, {"id": id, "object": "event", "type": "x.y", "created": created, "data": {"object": {}}})

    async def ask(self, given: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(given)
        if len(self.asked) > self.fails_after:
            raise NetworkError("cut")
        created = given.get("created", {})
        least, below = created.get("gte", 0), created.get("lt", 10**12)
        found = [each for each in self.events if least <= each["created"] < below]
        if "starting_after" in given:
            at = [each["id"] for each in found].index(given["starting_after"])
            found = found[at + 1 :]
        return {"data": found[: given["limit"]], "has_more": len(found) > given["limit"]}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    journal = Journal.open(str(tmp_path / "j.sqlite"))
    yield Inbox(journal, "h")
    journal.close()


def poll(inbox: Inbox, api: Api, since: float | None = 0) -> int:
    return asyncio.run(Poller(inbox, api.ask, interval=1, since=since, came=lambda: None).once())


def ids(inbox: Inbox) -> list[str]:
    return [each.id for each in inbox.due(10_000, ordered=False)]


def test_all_pages_are_taken_and_the_oldest_comes_first(inbox: Inbox, api: Api) -> None:
    """More events than a page holds."""
    for n in range(2 * PAGE + 5):
        api.happen(f"evt_{n}", 1000 + n)
    assert poll(inbox, api) == 2 * PAGE + 5
    assert ids(inbox) == [f"evt_{n}" for n in range(2 * PAGE + 5)]


def test_the_next_question_begins_before_the_last_event(inbox: Inbox, api: Api) -> None:
    """One that is listed late, with a time before what was seen, is taken; none comes twice."""
    api.happen("evt_2", 2000)
    poll(inbox, api)
    api.happen("evt_1", 2000 - OVERLAP)
    api.happen("evt_3", 2001)
    poll(inbox, api)
    assert api.asked[-1]["created"] == {"gte": 2000 - OVERLAP}
    assert ids(inbox) == ["evt_1", "evt_2", "evt_3"]


def test_a_question_that_breaks_off_is_asked_again_from_where_it_began(inbox: Inbox, api: Api) -> None:
    """The second page does not come: nothing between is passed over."""
    for n in range(PAGE + 3):
        api.happen(f"evt_{n}", 1000 + n)
    api.fails_after = 1
    with pytest.raises(NetworkError):
        poll(inbox, api)
    assert inbox.seen() == 0
    api.fails_after = 10**9
    poll(inbox, api)
    assert len(ids(inbox)) == PAGE + 3


def test_the_first_question_is_from_when_it_was_told_and_later_ones_go_on(inbox: Inbox, api: Api) -> None:
    """``since`` says it for an inbox that is new; what it has seen says it afterwards, also where nothing came."""
    api.happen("evt_old", 400)
    api.happen("evt_1", 5000)
    poll(inbox, api, since=4000)
    assert ids(inbox) == ["evt_1"]
    poll(inbox, api, since=9000)
    assert api.asked[-1]["created"] == {"gte": 5000 - OVERLAP}


@pytest.mark.parametrize("since", [5000, 5000.5, None])
def test_what_was_before_the_beginning_is_never_handled(inbox: Inbox, api: Api, since: float | None) -> None:
    """Later questions reach back to before it, and what they find there is done."""
    api.happen("evt_long_before", 100)
    for n in range(PAGE + 5):
        api.happen(f"evt_before_{n}", 4900)
    api.happen("evt_just_before", 4999)
    if since is None:
        poll(inbox, api, since)
    api.happen("evt_1", 5000)
    for _ in range(3):
        poll(inbox, api, since)
    assert ids(inbox) == ["evt_1"]


def test_from_now_on_is_by_the_sender_s_clock(inbox: Inbox, api: Api) -> None:
    """Also one that is years behind ours, and also where nothing has happened there yet."""
    poll(inbox, api, None)
    api.happen("evt_1", 7)
    poll(inbox, api, None)
    api.happen("evt_2", 7)
    poll(inbox, api, None)
    assert ids(inbox) == ["evt_1", "evt_2"]


@pytest.mark.parametrize("since", [0, None])
def test_an_event_of_a_test_clock_s_future_hides_none_that_comes_after_it(
    inbox: Inbox, api: Api, since: float | None
) -> None:
    """Its time is years ahead; what happens next has today's."""
    now = int(time.time())
    api.happen("evt_old", now - 50)
    api.happen("evt_ahead", now + 10**8)
    poll(inbox, api, since)
    api.happen("evt_next", now)
    poll(inbox, api, since)
    assert ids(inbox)[-1 if since is None else 1] == "evt_next"
