"""Other senders: each proves itself in its own way, and says in its own place what it sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from host.errors import InvalidCall, SignatureError, UsageError
from host.webhooks.event import Paths, ReceivedEvent
from host.webhooks.senders import SENDERS, sender_of

NOW = 1_700_000_000.0
KEY = b"0123456789abcdef"
SECRET = base64.b64encode(KEY).decode()


def digest(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


GITHUB = b'{"action":"opened","repository":{"full_name":"a/b"}}'
SLACK = b'{"event_id":"Ev1","event_time":1699999999,"event":{"type":"message","channel":"C1"}}'
SHOPIFY = b'{"id":820982911946154508}'
STANDARD = b'{"type":"contact.created","data":{"id":"c_1"}}'

# sender, body, headers as the sender's own documentation makes them, what the event is
EACH = [
    (
        "github",
        GITHUB,
        {
            "x-hub-signature-256": "sha256=" + digest(SECRET.encode(), GITHUB).hex(),
            "x-github-delivery": "72d3162e",
            "x-github-event": "issues",
        },
        ("72d3162e", "issues", "a/b", 0.0),
    ),
    (
        "shopify",
        SHOPIFY,
        {
            "x-shopify-hmac-sha256": base64.b64encode(digest(SECRET.encode(), SHOPIFY)).decode(),
            "x-shopify-webhook-id": "b54557e4",
            "x-shopify-topic": "orders/create",
        },
        ("b54557e4", "orders/create", "820982911946154508", 0.0),
    ),
    (
        "slack",
        SLACK,
        {
            "x-slack-signature": "v0=" + digest(SECRET.encode(), b"v0:1700000000:" + SLACK).hex(),
            "x-slack-request-timestamp": "1700000000",
        },
        ("Ev1", "message", "C1", 1699999999.0),
    ),
    (
        "standard-webhooks",
        STANDARD,
        {
            "webhook-signature": "v1,bm9uZQ== v1,"
            + base64.b64encode(digest(KEY, b"msg_1.1700000000." + STANDARD)).decode(),
            "webhook-id": "msg_1",
            "webhook-timestamp": "1700000000",
        },
        ("msg_1", "contact.created", "c_1", 0.0),
    ),
]


@pytest.mark.parametrize(("name", "body", "headers", "event"), EACH, ids=[each[0] for each in EACH])
def test_what_a_sender_signed_is_verified_and_read(
    name: str, body: bytes, headers: dict[str, str], event: tuple[str, str, str, float]
) -> None:
    """Body and headers signed as its documentation says; id, type and object are found where it puts them."""
    sender = SENDERS[name]
    sender.verify(headers, body, ["b3RoZXI=", SECRET], NOW, 300)
    found = sender.event(headers, body)
    assert (found.id, found.type, found.object, found.created) == event
    assert json.loads(found.payload) == json.loads(body)


@pytest.mark.parametrize(("name", "body", "headers", "event"), EACH, ids=[each[0] for each in EACH])
def test_each_part_of_a_request_counts(name: str, body: bytes, headers: dict[str, str], event: object) -> None:
    """Another body, another secret, no signature, and where it is signed another time or id: refused."""
    sender = SENDERS[name]
    wrong = [
        (headers, body + b" ", SECRET),
        (headers, body, "b3RoZXI="),
        ({**headers, sender.header: ""}, body, SECRET),
    ]
    for part in ("time_header", "id_header"):
        header = getattr(sender, part)
        if "{" + part.removesuffix("_header") + "}" in sender.signed:
            wrong.append(({**headers, header: headers[header][:-1] + "7"}, body, SECRET))
    for changed, text, secret in wrong:
        with pytest.raises(SignatureError):
            sender.verify(changed, text, [secret], NOW, 300)


@pytest.mark.parametrize("name", ["slack", "standard-webhooks"])
@pytest.mark.parametrize("later", [301.0, -301.0])
def test_a_sender_that_tells_the_time_is_not_believed_at_another(name: str, later: float) -> None:
    """A request that is sent once more much later, or one from the future."""
    _, body, headers, _ = next(each for each in EACH if each[0] == name)
    with pytest.raises(SignatureError, match="expected at most 300 s"):
        SENDERS[name].verify(headers, body, [SECRET], NOW + later, 300)


def test_a_scheme_is_a_header_and_how_it_is_written() -> None:
    """``hmac-sha256:HEADER[:encoding]``; a known header brings all that belongs to its sender."""
    assert sender_of("hmac-sha256:X-Hub-Signature-256") is SENDERS["github"]
    assert sender_of("hmac-sha256:x-slack-signature:hex") is SENDERS["slack"]
    assert sender_of("GitHub") is SENDERS["github"]
    own = sender_of("hmac-sha256:X-Signature:base64", Paths(id="meta.id", type="meta.kind"))
    body = b'{"meta":{"id":7,"kind":"made"}}'
    own.verify({"x-signature": base64.b64encode(digest(b"k", body)).decode()}, body, ["k"], NOW, 300)
    assert own.event({}, body) == ReceivedEvent("7", "made", "", 0.0, body.decode())


@pytest.mark.parametrize("text", ["", "md5:X", "hmac-sha256", "hmac-sha256:", "hmac-sha256:X:hexx", "gihub"])
def test_a_scheme_that_is_none_is_refused_with_those_there_are(text: str) -> None:
    """Misspelt or incomplete."""
    with pytest.raises(UsageError, match="expected hmac-sha256:HEADER"):
        sender_of(text)
    with pytest.raises(UsageError, match="writes its signatures as hex"):
        sender_of("hmac-sha256:x-slack-signature:base64")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"id":"x"}', b'{"id":true,"type":"x"}', b'{"id":"' + b"x" * 256 + b'","type":"x"}']
)
def test_a_body_without_id_or_type_is_no_event(body: bytes) -> None:
    """The place that was looked at is named."""
    with pytest.raises(InvalidCall, match=r"the event(.s id at id: expected| has no (id at id|type at type))"):
        ReceivedEvent.read(body, Paths())
