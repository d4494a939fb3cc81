"""``trigger``: an event is made and delivered, signed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from host.apis.stripe import load
from host.serve.signatures import verify
from host.simulator.server import serve
from tests.cli.conftest import Cli
from tests.simulator.test_events import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_an_event_is_delivered_signed_with_a_secret_that_is_printed(cli: Cli, receiver: Receiver) -> None:
    """Where there is no other; with the members that were set."""
    done = cli("trigger", "customer.created", "--to", receiver.url, "--set", "name=Bob")
    assert done.status == 0, done.err
    secret = done.out.splitlines()[0].removeprefix("export STRIPE_WEBHOOK_SECRET=")
    ((headers, body),) = receiver.got
    verify(body, headers["stripe-signature"], [secret], now=0, tolerance=float("inf"))
    event = json.loads(body)
    assert (event["type"], event["data"]["object"]["name"]) == ("customer.created", "Bob")
    assert event["id"] in done.out.splitlines()[1]


def test_a_simulator_on_this_machine_does_it_so_that_handlers_find_the_objects(
    cli: Cli, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``STRIPE_API_BASE`` names it; the secret is the setting's, and is not printed."""
    with serve(load()) as server:
        monkeypatch.setenv("STRIPE_API_BASE", server.url)
        monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_simulated")
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_mine")
        done = cli("trigger", "invoice.paid", "--to", receiver.url)
        assert (done.status, "whsec_mine" in done.out) == (0, False), done.err
        ((headers, body),) = receiver.got
        verify(body, headers["stripe-signature"], ["whsec_mine"], now=0, tolerance=float("inf"))
        assert ("invoice", json.loads(body)["data"]["object"]["id"]) in server.simulator.ledger()


NO_URLS = ("", "nowhere", "ftp://localhost/x", "http://", "http://localhost:99999/", "http://[::1", "/webhook")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("invoice.payd",), 2, 'did you mean "invoice.paid"'),
        ((), 2, "name an event"),
        (("invoice.paid", "--set", "amount"), 2, "expected PATH=VALUE"),
        (("invoice.paid", "--set", "a..b=1"), 2, "expected PATH=VALUE"),
        (("customer.created", "--to", "http://127.0.0.1:9/x"), 4, "could not be delivered"),
        *((("customer.created", "--to", url), 2, "expected a URL") for url in NO_URLS),
        (("customer.created", "--secret", ""), 2, "--secret is empty"),
        (("customer.created", "--set", "name=a", "--set", "name=b"), 2, "given twice"),
        (("customer.created", "--list"), 2, "leave out"),
        (("",), 2, 'no way to make ""'),
    ],
)
def test_what_cannot_be_done_is_said(cli: Cli, words: tuple[str, ...], status: int, message: str) -> None:
    """A name of no event, a value that is none, nobody who listens."""
    done = cli("trigger", *words)
    assert (done.status, message in done.err) == (status, True), (done.status, done.err)


def test_the_events_that_can_be_made_are_listed(cli: Cli) -> None:
    """One a line."""
    lines = cli("trigger", "--list").out.splitlines()
    assert "invoice.paid" in lines
    assert lines == sorted(lines)


def test_a_receiver_that_refuses_fails_the_command(cli: Cli, receiver: Receiver) -> None:
    """With the status it answered."""
    receiver.answers = [400]
    done = cli("trigger", "customer.created", "--to", receiver.url)
    assert (done.status, "answered 400" in done.err) == (1, True)
