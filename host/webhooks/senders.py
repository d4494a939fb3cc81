"""Who sends events, how each signs them, and where it says what they are.

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

LONGEST_CHALLENGE: Final = 4096  # bytes of a request that has one
Headers = Mapping[str, str]  # by their names in lower case


class _Challenge(msgspec.Struct):
    type: str
    challenge: str


class WebhookSender(msgspec.Struct, frozen=True, kw_only=True):
    """How a sender proves itself. ``header`` has the signature, ``encoding`` (hex, base64) says how it is written,
    ``prefix`` stands before it. ``signed`` is what is signed: ``{body}``, ``{time}`` and ``{id}`` stand for the body
    and for what the headers ``time_header`` and ``id_header`` say. The type stands in ``type_header`` or the body.
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
    challenge: str = ""  # the type of a request that only asks for its member ``challenge`` back
    paths: Paths = Paths()

    def verify(self, headers: Headers, body: bytes, secrets: Sequence[str], now: float, tolerance: float) -> None:
        """Raise :class:`SignatureError` unless one of ``secrets`` signed ``body`` within ``tolerance`` seconds."""
        given = headers.get(self.header, "")
        if not given:
            raise SignatureError(f"there is no header {self.header}")
        if self.name == "stripe":
            signatures.verify(body, given, secrets, now=now, tolerance=tolerance)
            return
        wanted = [self.signature(headers, body, secret) for secret in secrets]
        found = given.split() if self.secret_is_base64 else [given]  # several, with blanks between
        fits = [hmac.compare_digest(each.encode(), one.encode()) for each in wanted for one in found]
        if not any(fits):
            raise SignatureError(f"no signature in {self.header} fits the body")
        self._check_time(headers, now, tolerance)

    def signature(self, headers: Headers, body: bytes, secret: str) -> str:
        """What the header has to say."""
        key = _from_base64(secret) if self.secret_is_base64 else secret.encode()
        before, _, after = self.signed.partition("{body}")
        known = {"time": headers.get(self.time_header, ""), "id": headers.get(self.id_header, "")}
        digest = hmac.new(key, before.format(**known).encode() + body + after.format(**known).encode(), hashlib.sha256)
        text = digest.hexdigest() if self.encoding == "hex" else base64.b64encode(digest.digest()).decode()
        return self.prefix + text

    def check(self, secrets: Sequence[str]) -> None:
        """Raise ``UsageError`` for a secret that nothing can be signed with."""
        for each in secrets if self.secret_is_base64 else ():
            try:
                _from_base64(each)
            except SignatureError as error:
                raise UsageError(f"secret: {error.message}") from None

    def event(self, headers: Headers, body: bytes) -> ReceivedEvent:
        """What was sent. Raises ``InvalidCall`` for what is no event."""
        return ReceivedEvent.read(
            body, self.paths, id=headers.get(self.id_header, ""), type=headers.get(self.type_header, "")
        )

    def answer(self, body: bytes) -> str | None:
        """What a request that is no event, but asks whether somebody is there, is answered with."""
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
            raise SignatureError(f"there is no time in the header {self.time_header}")
        age = now - int(text)
        if abs(age) > tolerance:
            where = "ago" if age > 0 else "ahead of this machine's clock"
            raise SignatureError(f"signed {abs(age):,.0f} s {where}; expected at most {tolerance:g} s")


def _from_base64(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("the endpoint's secret is no base64, as Standard Webhooks has it") from None


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
    """The sender of ``--verify``: a name of :data:`SENDERS`, or ``hmac-sha256:HEADER[:hex|base64]``.

    A header that one of them has is that sender's, with all that goes with it. ``paths`` say where the body has what,
    where that is not as usual. Raises :class:`UsageError`.
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
