"""Idempotency keys: one answer for each, while it is kept. https://docs.stripe.com/api/idempotent_requests"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from host.simulator.api_error import Refusal, invalid
from host.simulator.parsing import Tree
from host.simulator.store import SavedAnswer, Store

KEY_LIFE = 24 * 3600  # seconds an answer is kept
LONGEST = 255  # characters
_DIGEST = 16  # bytes
_sorted = msgspec.json.Encoder(order="sorted").encode


class Claim(NamedTuple):
    """A key that a request has, and the request's fingerprint: a digest of all it says, and its path.

    An account's keys are its own.
    """

    account: str
    said: str
    fingerprint: bytes

    @property
    def key(self) -> str:
        """What the store knows it by. A line feed is in no header."""
        return f"{self.account}\n{self.said}" if self.account else self.said


def claim_of(account: str, said: str, method: str, path: str, tree: Tree) -> Claim:
    """The claim of a request for its key; :class:`Refusal` if it is too long."""
    if len(said) > LONGEST:
        raise invalid(f"Idempotency keys can be up to {LONGEST} characters long. This one has {len(said)}.")
    digest = hashlib.blake2b(_sorted([method, path, tree]), digest_size=_DIGEST).digest()
    return Claim(account, said, digest + path.encode())


def _used_otherwise(claim: Claim, saved: SavedAnswer) -> Refusal:
    """The key was used for another request: at another endpoint, or with other parameters."""
    path, first = (print[_DIGEST:].decode() for print in (claim.fingerprint, saved.fingerprint))
    how = "with the same parameters they were first used with"
    if first and first != path:  # answers of older stores have no path
        how = f"for the same endpoint they were first used for ('{path}' vs '{first}')"
    return Refusal(
        400,
        f"Keys for idempotent requests can only be used {how}. Try using a key other than '{claim.said}' if you meant "
        "to execute a different request.",
        type="idempotency_error",
    )


class IdempotencyKeys:
    """Who has which key. Used under the simulator's lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._busy: set[str] = set()

    def claim(self, claim: Claim, now: float) -> SavedAnswer | None:
        """The answer that was saved for the key; ``None`` if it is this request's now, until it is released."""
        said = claim.said
        saved = self._store.answer(claim.key, since=now - KEY_LIFE)
        if saved is not None:
            if saved.fingerprint[:_DIGEST] != claim.fingerprint[:_DIGEST]:
                raise _used_otherwise(claim, saved)
            return saved
        if claim.key in self._busy:
            raise Refusal(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably "
                f"means you submitted twice, and the other request is still going through): {said}. Please "
                "try again later.",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._store.check_room()
        self._busy.add(claim.key)
        return None

    def save(self, claim: Claim, status: int, body: bytes, request_id: str, now: float) -> None:
        """Keep the answer for the key; durable with the store's next commit."""
        self._store.save_answer(claim.key, SavedAnswer(claim.fingerprint, status, body, request_id, now))

    def release(self, claim: Claim) -> None:
        """Its request is no longer under way."""
        self._busy.discard(claim.key)
