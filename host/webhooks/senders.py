"""The known senders of events: how each signs its requests, and where it puts an event's id, type and time.

Sources: https://docs.stripe.com/webhooks#verify-manually,
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries,
https://shopify.dev/docs/apps/build/webhooks/subscribe/https,
https://docs.slack.dev/authentication/verifying-requests-from-slack,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from host.errors import SignatureError, UsageError
from host.serve import signatures
from host.webhooks.event import STRIPE, Paths, ReceivedEvent

__all__ = ["SENDERS", "WebhookSender", "sender_of"]

LONGEST_CHALLENGE: Final = 4096  # bytes of the body of such a request
Headers = Mapping[str, str]  # by their names in lower case


class _Challenge(msgspec.Struct):
    type: str
    challenge: str


class WebhookSender(msgspec.Struct, frozen=True, kw_only=True):
    """How a sender signs its events.

    ``header`` names the header with the signature (an HMAC-SHA256), which is encoded as ``encoding`` says (``hex`` or
    ``base64``) and follows ``prefix``. ``signed`` is the template of the signed text: ``{body}`` is the body,
    ``{time}`` and ``{id}`` are the values of the headers ``time_header`` and ``id_header``. The event's type is in the
    header ``type_header``, or else in the body.
    """

    name: str
    header: str
    encoding: str = "hex"
    prefix: str = ""
    signed: str = "{body}"
    time_header: str = ""
    id_header: str = ""
    type_header: str = ""
    secret_is_base64: bool = False
    challenge: str = ""  # the type of a request that must be answered with its member ``challenge``
    paths: Paths = Paths()

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: float, tolerance: float) -> None:
        """Raise :class:`SignatureError` unless one of ``secrets`` signed ``body`` within ``tolerance`` seconds."""
        given = headers.get(self.header, "")
        if not given:
            raise SignatureError(f"the header {self.header} is missing")
        if self.name == "stripe":
            signatures.verify(body, given, secrets, now=now, tolerance=tolerance)
            return
        expected = [self.signature(headers, body, secret) for secret in secrets]
        found = given.split() if self.secret_is_base64 else [given]  # Standard Webhooks: several, separated by spaces
        matches = [hmac.compare_digest(each.encode(), one.encode()) for each in expected for one in found]
        if not any(matches):
            raise SignatureError(f"no signature in {self.header} matches the body")
        self._check_time(headers, now, tolerance)

    def signature(self, headers: Headers, body: bytes, secret: str) -> str:
        """The value the header must have for ``body`` signed with ``secret``."""
        key = _from_base64(secret) if self.secret_is_base64 else secret.encode()
        before, _, after = self.signed.partition("{body}")
        known = {"time": headers.get(self.time_header, ""), "id": headers.get(self.id_header, "")}
        digest = hmac.new(key, before.format(**known).encode() + body + after.format(**known).encode(), hashlib.sha256)
        text = digest.hexdigest() if self.encoding == "hex" else base64.b64encode(digest.digest()).decode()
        return self.prefix + text

    def check(self, secrets: Sequence[str]) -> None:
        """Raise ``UsageError`` for a secret that is not of the sender's format."""
        for each in secrets if self.secret_is_base64 else ():
            try:
                _from_base64(each)
            except SignatureError as error:
                raise UsageError(f"secret: {error.message}") from None

    def event(self, headers: Headers, body: bytes) -> ReceivedEvent:
        """The event in a request. Raises ``InvalidCall`` if the request has none."""
        return ReceivedEvent.read(
            body, self.paths, id=headers.get(self.id_header, ""), type=headers.get(self.type_header, "")
        )

    def answer(self, body: bytes) -> str | None:
        """The text with which to answer a request that only verifies the endpoint's URL; ``None`` for an event."""
        if not self.challenge or len(body) > LONGEST_CHALLENGE or self.challenge.encode() not in body:
            return None
        try:
            asked = msgspec.json.decode(body, type=_Challenge)
        except msgspec.MsgspecError:
            return None
        return asked.challenge if asked.type == self.challenge else None

    def _check_time(self, headers: Headers, now: float, tolerance: float) -> None:
        if not self.time_header:
            return
        text = headers.get(self.time_header, "")
        if not (text.isascii() and text.isdecimal() and len(text) < 16):
            raise SignatureError(f"the header {self.time_header} has no time; expected seconds since 1970")
        age = now - int(text)
        if abs(age) > tolerance:
            where = "ago" if age > 0 else "ahead of this machine's clock"
            raise SignatureError(f"signed {abs(age):,.0f} s {where}; expected at most {tolerance:g} s")


def _from_base64(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("the endpoint's secret is not base64, which Standard Webhooks requires") from None


SENDERS: Final[Mapping[str, WebhookSender]] = {
    each.name: each
    for each in (
        WebhookSender(name="stripe", header=signatures.HEADER.lower(), paths=STRIPE),
        WebhookSender(
            name="github",
            header="x-hub-signature-256",
            prefix="sha256=",
            id_header="x-github-delivery",
            type_header="x-github-event",
            paths=Paths(object="repository.full_name", created=""),
        ),
        WebhookSender(
            name="shopify",
            header="x-shopify-hmac-sha256",
            encoding="base64",
            id_header="x-shopify-webhook-id",
            type_header="x-shopify-topic",
            paths=Paths(object="id", created=""),
        ),
        WebhookSender(
            name="slack",
            header="x-slack-signature",
            prefix="v0=",
            signed="v0:{time}:{body}",
            time_header="x-slack-request-timestamp",
            challenge="url_verification",  # https://docs.slack.dev/reference/events/url_verification
            paths=Paths(id="event_id", type="event.type", object="event.channel", created="event_time"),
        ),
        WebhookSender(
            name="standard-webhooks",
            header="webhook-signature",
            encoding="base64",
            prefix="v1,",
            signed="{id}.{time}.{body}",
            time_header="webhook-timestamp",
            id_header="webhook-id",
            secret_is_base64=True,
            paths=Paths(object="data.id"),
        ),
    )
}


def sender_of(text: str, paths: Paths | None = None) -> WebhookSender:
    """The sender that ``--verify`` names: one of :data:`SENDERS`, or ``hmac-sha256:HEADER[:hex|base64]``.

    If HEADER is that of a known sender, the result is this sender with all its rules. ``paths``, if given, replace the
    sender's. Raises :class:`UsageError`.
    """
    scheme, _, rest = text.partition(":")
    header, _, encoding = rest.partition(":")
    found = SENDERS.get(text.lower())
    if found is None and scheme == "hmac-sha256" and header and encoding in ("", "hex", "base64"):
        known = [each for each in SENDERS.values() if each.header == header.lower()]
        found = known[0] if known else WebhookSender(name=header, header=header.lower(), encoding=encoding or "hex")
        if known and encoding not in ("", found.encoding):
            raise UsageError(f"--verify: {found.name} writes its signatures as {found.encoding}, not as {encoding}")
    if found is None:
        raise UsageError(
            f"--verify: expected hmac-sha256:HEADER[:hex|base64], or one of {', '.join(SENDERS)}; got {text[:60]!r}"
        )
    return found if paths is None else msgspec.structs.replace(found, paths=paths)
