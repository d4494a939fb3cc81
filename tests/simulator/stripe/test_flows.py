"""Flows of payments, books and Connect, with what Stripe's documentation says of each: sums and states by hand.

The flows are in ``flows/*.txt``: a line with a name and the page it is from, then requests, each followed by indented
expectations. A request is ``POST PATH FORM``, ``GET PATH`` or ``DELETE PATH``; ``@ACCOUNT`` after the method makes it
for that account; ``WAIT 2 days`` lets time pass. An expectation is ``place=value``: the place a path in the answer
(``error.code``, ``data.0.amount``; ``data.*.amount`` is the list of all), the value JSON or a word. The value ``$name``
keeps what stands there or, where that was kept, must be it; in requests it stands for that. A number alone (``402``) is
the status of a refusal, whose error the expectations after it are of.

Sums: Stripe's fee is 2.9 % and 0.30, rounded to the cent (https://stripe.com/pricing). Time begins on Friday,
15 January 2027, 08:00 UTC, so that a payment's money is available on Tuesday.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.simulator.conftest import Api, Clock

FOLDER = Path(__file__).parent / "flows"
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_NAME = re.compile(r"\$(\w+)")
_VERBS = ("GET", "POST", "DELETE", "WAIT")


def flows() -> list[Any]:
    """All flows: name, page and lines."""
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        for block in file.read_text(encoding="utf-8").strip().split("\n\n"):
            head, *lines = block.splitlines()
            name, _, page = head.rpartition(" ")
            found.append(pytest.param(page, lines, id=f"{file.stem}: {name}"))
    return found


class Flow:
    """A flow that is carried out line by line."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._kept: dict[str, Any] = {}
        self._request, self._status, self._answer = "", 200, {}
        self._is_read = True  # whether the last answer was expected to be what it is

    def line(self, line: str) -> None:
        """Make a request, or compare the last answer with expectations."""
        words = line.split()
        if words[0] in _VERBS:
            self.end()
            self._ask(words)
        else:
            for word in words:
                self._expect(word)

    def end(self) -> None:
        """Refuse a refusal that nobody expected."""
        assert self._is_read or self._status < 400, (self._request, self._answer)

    def _ask(self, words: list[str]) -> None:
        verb, *rest = (_NAME.sub(lambda found: str(self._kept[found[1]]), word) for word in words)
        if verb == "WAIT":
            self._clock.now += int(rest[0]) * SECONDS[rest[1].rstrip("s")]
            return
        headers = {"Stripe_Account": rest.pop(0)[1:]} if rest[0].startswith("@") else {}
        self._request = " ".join(words)
        self._status, self._answer = self._api.ask(verb, rest[0], "&".join(rest[1:]), **headers)
        self._is_read = False

    def _expect(self, word: str) -> None:
        place, _, text = word.partition("=")
        if re.fullmatch(r"\d{3}", word):
            self._is_read = True
            assert self._status == int(word), (self._request, self._answer)
            return
        found = at(self._answer["error"] if self._status >= 400 else self._answer, place)
        name = _NAME.fullmatch(text)
        wanted = self._kept.setdefault(name[1], found) if name else value(text)
        assert wanted is not None or not name, f"{self._request}: there is no {place}"
        assert found == wanted, f"{self._request}: {place} is {found!r}, not {wanted!r}"


def value(text: str) -> Any:
    """The value that a word stands for."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def at(answer: Any, place: str) -> Any:
    """The value at a dotted path; after ``*`` the list of what each item has there; after ``#`` their number."""
    name, _, rest = place.partition(".")
    if name == "*":
        return [at(item, rest) if rest else item for item in answer]
    if name == "#":
        return len(answer)
    found = answer[int(name)] if isinstance(answer, list) else answer[name]
    return at(found, rest) if rest and found is not None else found


def carry_out(api: Api, clock: Clock, lines: list[str]) -> None:
    """Carry out a flow. Raises AssertionError where an answer is not as expected."""
    flow = Flow(api, clock)
    for line in lines:
        flow.line(line)
    flow.end()


@pytest.mark.parametrize(("page", "lines"), flows())
def test_a_flow_is_as_documented(api: Api, clock: Clock, page: str, lines: list[str]) -> None:
    """Each answer of each flow says what its page, and its sums, say."""
    assert page.startswith("https://")
    carry_out(api, clock, lines)


CREATE = "POST /v1/payment_intents amount=2000&currency=usd"


@pytest.mark.parametrize(
    "lines",
    [
        [CREATE, "  amount=2001"],
        [CREATE, "  400"],
        [f"{CREATE}x"],
        [f"{CREATE}x", CREATE],
        [f"{CREATE}x", "  param=currency"],
        [CREATE, "  latest_charge=$c"],
        [CREATE, "  id=$p", CREATE, "  id=$p"],
    ],
)
def test_a_flow_fails_where_an_answer_differs(api: Api, clock: Clock, lines: list[str]) -> None:
    """A wrong amount, a refusal that nobody expects, one that does not come, and another object are all seen."""
    with pytest.raises(AssertionError):
        carry_out(api, clock, lines)
