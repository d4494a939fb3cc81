"""Asking for events: none is lost between two questions or over a restart, and none is handled twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.durable.journal import Journal
from host.errors import NetworkError, UnexpectedAnswer
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


EVENT = {"id": "evt_1", "type": "x.y", "created": 5000, "data": {"object": {}}}
MALFORMED = [
    None, "text", 7, [], {}, {"data": None}, {"data": {}}, {"data": "text"}, {"data": [None]}, {"data": ["evt_1"]},
    {"data": [{}]}, *({"data": [{name: EVENT[name] for name in EVENT if name != left}]} for left in ("id", "type")),
    *({"data": [{**EVENT, "created": each}]} for each in (None, "", "soon", 0, -5, True, [], 10**13)),
]  # fmt: skip


@pytest.mark.parametrize("page", MALFORMED, ids=str)
@pytest.mark.parametrize("since", [0, None])
def test_an_answer_that_is_no_page_of_events_is_an_error_and_not_the_beginning(
    inbox: Inbox, api: Api, page: Any, since: float | None
) -> None:
    """Nothing of it is recorded, and the next poll begins where this one did."""

    async def ask(asked: dict[str, Any]) -> Any:
        return page

    poller = Poller(inbox, ask, interval=1, since=since, came=lambda: None)
    with pytest.raises(UnexpectedAnswer, match=r"not a page of the API's events: .+"):
        asyncio.run(poller.once())
    assert not inbox.seen()
    assert ids(inbox) == []


def test_a_list_that_does_not_go_on_is_an_error(inbox: Inbox) -> None:
    """An API that ignores where a page is to begin would be asked for the same page for ever."""

    async def ask(asked: dict[str, Any]) -> Any:
        return {"data": [EVENT], "has_more": True}

    with pytest.raises(UnexpectedAnswer, match="the page after evt_1 ends with the same event"):
        asyncio.run(Poller(inbox, ask, interval=1, since=0, came=lambda: None).once())
    assert ids(inbox) == ["evt_1"]


@pytest.mark.parametrize("first", [*MALFORMED[:3], NetworkError("cut"), ZeroDivisionError("a bug"), KeyError("data")])
def test_polling_outlives_whatever_a_poll_ends_with(inbox: Inbox, first: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed answer, a failed call, an exception nobody foresaw: each is logged, and the next poll succeeds."""
    answers = [first, {"data": [EVENT], "has_more": False}]

    async def ask(asked: dict[str, Any]) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def run() -> None:
        came = asyncio.Event()
        running = asyncio.create_task(Poller(inbox, ask, interval=0, since=0, came=came.set).run())
        reached = asyncio.create_task(came.wait())
        await asyncio.wait([running, reached], return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        running.cancel()
        await asyncio.wait([running])

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert ids(inbox) == ["evt_1"]
    assert caplog.messages[0].startswith("the events could not be fetched")
