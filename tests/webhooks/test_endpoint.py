"""What an endpoint tells of requests that prove nothing, and of those that only ask whether it is there."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx
import pytest

from host.webhooks.endpoint import QUIET, WebhookEndpoint
from host.webhooks.event import ReceivedEvent
from host.webhooks.senders import SENDERS


class Kept:
    """An inbox in memory."""

    def __init__(self) -> None:
        self.events: list[ReceivedEvent] = []

    async def add(self, events: list[ReceivedEvent]) -> None:
        self.events += events


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def posted(endpoint: WebhookEndpoint, body: bytes, headers: dict[str, str]) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint), base_url="http://localhost") as client:
            return await client.post("/", content=body, headers=headers)

    return asyncio.run(request())


def endpoint_for(name: str, clock: Clock) -> tuple[WebhookEndpoint, Kept]:
    inbox = Kept()
    made = WebhookEndpoint(inbox, SENDERS[name], ["s"], came=lambda: None, clock=clock)  # type: ignore[arg-type]
    return made, inbox


def test_a_flood_of_wrong_signatures_is_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """The first at once, then how many there were; each is refused."""
    clock = Clock()
    endpoint, inbox = endpoint_for("stripe", clock)
    wrong = {"Stripe-Signature": "t=1700000000,v1=aa"}
    with caplog.at_level(logging.WARNING, "host.webhooks"):
        assert [posted(endpoint, b"{}", wrong).status_code for _ in range(5)] == [400] * 5
        clock.now += QUIET
        posted(endpoint, b"{}", {})
    assert [record.getMessage() for record in caplog.records] == [
        "refused a request: no signature matches the body",
        "refused a request: the header stripe-signature is missing (5 since the last warning)",
    ]
    assert inbox.events == []


def test_slack_s_challenge_is_answered_where_it_is_signed() -> None:
    """Unsigned it is refused; it is no event."""
    clock = Clock()
    endpoint, inbox = endpoint_for("slack", clock)
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    headers = {"x-slack-request-timestamp": "1700000000"}
    signed = {**headers, "x-slack-signature": SENDERS["slack"].signature(headers, body, "s")}
    answer = posted(endpoint, body, signed)
    assert (answer.status_code, answer.text) == (200, "3eZbrw1a")
    assert posted(endpoint, body, headers).status_code == 400
    assert inbox.events == []
