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


SLASH_COMMAND = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
# What the senders publish to test verifiers with: sender, secret, body, headers, when it was signed.
PUBLISHED = [
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    (
        "github",
        "It's a Secret to Everybody",
        b"Hello, World!",
        {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        NOW,
    ),
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    (
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        SLASH_COMMAND,
        {
            "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "x-slack-request-timestamp": "1531420618",
        },
        1531420618.0,
    ),
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    (
        "standard-webhooks",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        1614265330.0,
    ),
    # https://shopify.dev/docs/apps/build/webhooks/subscribe/https: base64 of the body's HMAC-SHA256
    ("shopify", "secret", b"foo", {"x-shopify-hmac-sha256": "dzukRpPHVT1u4g9h6l0nV6mk9KRNKEGuTpW1LkzWLbQ="}, NOW),
]


@pytest.mark.parametrize(("name", "secret", "body", "headers", "at"), PUBLISHED, ids=[each[0] for each in PUBLISHED])
def test_what_senders_publish_to_test_verifiers_with_is_verified(
    name: str, secret: str, body: bytes, headers: dict[str, str], at: float
) -> None:
    """Their own secret, body and signature; of those that tell the time, refused as a replay six minutes later."""
    sender = SENDERS[name]
    sender.verify(headers, body, [secret], at, 300)
    with pytest.raises(SignatureError):
        sender.verify(headers, body + b" ", [secret], at, 300)
    if sender.time_header:
        with pytest.raises(SignatureError, match="expected at most 300 s"):
            sender.verify(headers, body, [secret], at + 360, 300)


def test_a_challenge_is_answered_by_whom_it_is_for() -> None:
    """Slack asks an endpoint for a text back before it sends events; nobody else's request is taken for that."""
    asked = b'{"type":"url_verification","token":"t","challenge":"3eZbrw1a"}'
    assert SENDERS["slack"].answer(asked) == "3eZbrw1a"
    assert SENDERS["slack"].answer(SLACK) is None
    assert SENDERS["slack"].answer(b'{"type":"event_callback","challenge":"url_verification"}') is None
    assert SENDERS["slack"].answer(b'{"type":"url_verification","challenge":5}') is None
    assert SENDERS["github"].answer(asked) is None


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


def test_a_form_is_refused_with_what_to_do() -> None:
    """GitHub sends one unless it is told to send JSON."""
    with pytest.raises(InvalidCall, match="not JSON, but a form: have the sender send application/json"):
        SENDERS["github"].event({}, b"payload=%7B%22action%22%3A%22opened%22%7D")


def test_a_thin_event_of_stripe_tells_its_object_and_its_time() -> None:
    """They stand elsewhere than in a snapshot."""
    body = b'{"id":"evt_1","object":"v2.core.event","type":"v1.customer.created","created":"2023-11-14T22:13:20.000Z",'
    body += b'"related_object":{"id":"cus_1","type":"customer","url":"/v1/customers/cus_1"}}'
    found = SENDERS["stripe"].event({}, body)
    assert (found.id, found.type, found.object, found.created) == ("evt_1", "v1.customer.created", "cus_1", NOW)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"id":"x"}', b'{"id":true,"type":"x"}', b'{"id":"' + b"x" * 256 + b'","type":"x"}']
)
def test_a_body_without_id_or_type_is_no_event(body: bytes) -> None:
    """The place that was looked at is named."""
    with pytest.raises(InvalidCall, match=r"the event(.s id at id: expected| has no (id at id|type at type))"):
        ReceivedEvent.read(body, Paths())


def test_a_time_off_the_clock_is_told_with_its_direction() -> None:
    """Slack's and Standard Webhooks' times may be as far ahead as behind; a log says which clock is off."""
    body, sender = SLACK, SENDERS["slack"]
    for at, words in [(NOW - 301, "301 s ago"), (NOW + 301, "301 s ahead of this machine's clock")]:
        signature = "v0=" + digest(SECRET.encode(), b"v0:%d:" % at + body).hex()
        headers = {"x-slack-signature": signature, "x-slack-request-timestamp": str(int(at))}
        with pytest.raises(SignatureError, match=words):
            sender.verify(headers, body, [SECRET], NOW, 300)
        sender.verify(headers, body, [SECRET], NOW, 302)
