"""Each event that can be triggered really comes of the requests that lead there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from host.apis.stripe import load
from host.errors import HostError, UsageError
from host.simulator.stripe.triggers import MADE, STEPS, TRIGGERS
from host.simulator.trigger import steps_of
from host.simulator.triggering import made
from tests.simulator.conftest import Api

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
# Events whose requests the simulator does not model yet, each with what is missing.
MISSING: dict[str, str] = {}


@pytest.mark.parametrize("event", sorted(TRIGGERS))
def test_the_requests_make_the_event(event: str) -> None:
    """None of them is refused but those that are to be, and the event is told."""
    if event in MISSING:
        with pytest.raises(HostError):
            made(event, steps_of(event), {}, None)
        return
    found, said = made(event, steps_of(event), {}, None)
    thin = event.startswith(("v1.", "v2."))
    assert (found["type"], found["object"], said) == (MADE.get(event, event), "v2.core.event" if thin else "event", [])
    assert thin or found["data"]["object"]


def test_every_step_is_used_and_every_reference_is_one_to_a_step_before() -> None:
    """The table says nothing that nobody reads."""
    words = {step for steps in TRIGGERS.values() for step in steps}
    assert set(STEPS) <= words
    for event in TRIGGERS:
        named: set[str] = set()
        for step in steps_of(event):
            assert set(re.findall(r"\{(\w+)", step.path + step.form + step.key)) <= named, event
            named.add(step.name)


def test_an_event_that_cannot_be_made_is_refused_with_the_nearest() -> None:
    """A misspelt event is answered with the one that was meant."""
    with pytest.raises(UsageError, match=r'"invoice.payd" happen; did you mean "invoice.paid"'):
        steps_of("invoice.payd")


def test_wanted_members_are_given_to_the_request_that_takes_them() -> None:
    """Of the object itself, with all that follows from them; what no request takes is set in the event and said so."""
    wanted = {"amount": "777", "metadata.order": "7", "made.up": "[1]"}
    event, said = made("payment_intent.succeeded", steps_of("payment_intent.succeeded"), wanted, None)
    paid = event["data"]["object"]
    assert (paid["amount"], paid["amount_received"], paid["metadata"]) == (777, 777, {"order": "7"})
    assert paid["made"] == {"up": [1]}
    assert said == ["--set made.up: no request takes it, so it is set in the event only"]


def test_the_requests_go_to_the_simulator_that_is_asked(api: Api) -> None:
    """A server's objects are there afterwards, once."""
    event, _ = made("customer.updated", steps_of("customer.updated"), {"name": "Bob"}, api.ask_as)
    (customer,) = api.get("/v1/customers")["data"]
    assert customer["id"] == event["data"]["object"]["id"]
    assert customer["name"] == "Bob"


def test_a_simulator_that_refuses_is_told_of(api: Api) -> None:
    """Which request, and why."""
    with pytest.raises(HostError, match=r"POST /v1/customers: no"):
        made("customer.created", steps_of("customer.created"), {}, lambda *_: (400, {"error": {"message": "no"}}))


def test_the_docs_name_what_cannot_be_triggered() -> None:
    """Each is an event of the API, or a thin one, and really none of those that can."""
    (named,) = re.findall(r"not model: (.*?)\.\n\n", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    names = re.findall(r"`(\w[\w.]+)`", named)
    known = load().schema("event").properties["type"].enum
    assert len(names) == 1
    assert [name for name in names if name in TRIGGERS] == []
    assert [name for name in names if name not in known] == []
