"""What a request is answered with, whatever the order in which tasks come."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.cassettes.cassette import Cassette, CassettePart, Group, Interaction
from host.cassettes.player import Player
from host.cassettes.tape import UnrecordedRequest
from host.http.message import Request, Response
from host.policy.redaction import Redactor


def player(names: list[str], answered: list[int] | None = None, tests: dict[str, list[str]] | None = None) -> Player:
    """Of a cassette with a request for each name; the n-th is answered with n, which came at ``answered[n]``."""
    groups = {("shop", ""): Group()}
    number = 0
    for test, asked in {"": names, **(tests or {})}.items():
        group = groups.setdefault(("shop", test), Group())
        for name in asked:
            request = {"method": "GET", "url": f"https://example.com/{name}"}
            place = None if answered is None else answered[number]
            group.interactions.append(Interaction(request, {"status": 200, "text": str(number)}, place, number + 2))
            number += 1
    cassette = Cassette(Path("shop.jsonl"), groups, recording=False)
    return Player(CassettePart(cassette, "shop"), {}, Redactor())


def asked(name: str) -> Request:
    return Request("GET", f"https://example.com/{name}")


async def unsendable(request: Request, deadline: float) -> Response:
    raise AssertionError(f"{request.url} was sent")


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=12)


@given(NAMES, st.data())
def test_equal_requests_get_their_answers_in_order_and_all_answers_come_as_they_came(
    names: list[str], data: st.DataObject
) -> None:
    """Any order of tasks, any order of the answers then: nothing is answered twice, left out or mixed up."""
    places = data.draw(st.permutations(range(1, len(names) + 1)))
    order = data.draw(st.permutations(names))
    tape = player(names, list(places))
    send = tape.through(unsendable)
    came: list[int] = []

    async def ask(name: str) -> int:
        number = int((await send(asked(name), time.monotonic() + 30)).body)
        came.append(number)
        return number

    async def ask_all() -> list[int]:
        return await asyncio.gather(*(ask(name) for name in order))

    numbers = asyncio.run(ask_all())
    for name in set(names):
        recorded = [i for i, each in enumerate(names) if each == name]
        assert [number for number, each in zip(numbers, order, strict=True) if each == name] == recorded
    assert [places[number] for number in came] == sorted(places)
    assert tape.unreplayed() == []
    with pytest.raises(UnrecordedRequest, match="made once more"):
        asyncio.run(ask(names[0]))


def test_a_request_of_the_test_that_runs_goes_first() -> None:
    """Chosen tests, or tests in another order, do not get each other's answers; what their setup asked is found."""
    tape = player(["setup"], tests={"one": ["same"], "two": ["same", "other"]})
    send = tape.through(unsendable)

    def ask(name: str) -> bytes:
        return asyncio.run(send(asked(name), time.monotonic() + 30)).body  # type: ignore[arg-type]

    tape.begin_test("two")
    assert ask("setup") == b"0"
    assert ask("same") == b"2"
    tape.begin_test("one")
    assert ask("same") == b"1"
    assert ask("other") == b"3"


def test_an_answer_does_not_wait_for_a_request_that_nobody_makes() -> None:
    """The script has changed: the first request is not made any more."""
    tape = player(["gone", "gone", "here", "there"])
    send = tape.through(unsendable)

    async def ask() -> list[bytes]:
        deadline = time.monotonic() + 30
        return [(await send(asked(name), deadline)).body for name in ("there", "here")]

    assert asyncio.run(ask()) == [b"3", b"2"]
    assert [line.partition(":")[0] for line in tape.unreplayed()] == ["line 2", "line 3"]


def test_a_request_that_is_given_up_while_it_waits_holds_nobody_up() -> None:
    """Its turn is over with it."""
    tape = player(["a", "b", "c"], [3, 2, 1])
    send = tape.through(unsendable)

    async def ask() -> list[bytes]:
        deadline = time.monotonic() + 30
        waiting = [asyncio.ensure_future(send(asked(name), deadline)) for name in "ab"]
        await asyncio.sleep(0)
        waiting[1].cancel()
        last = await send(asked("c"), deadline)
        return [last.body, (await waiting[0]).body]

    assert asyncio.run(ask()) == [b"2", b"0"]
