"""Idempotency keys: requests with the same key get the same answer. https://docs.stripe.com/api/idempotent_requests"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from host.simulator.api_error import SimulatedError, invalid
from host.simulator.parsing import Tree
from host.simulator.store import SavedAnswer, Store

KEY_LIFE = 24 * 3600  # seconds that an answer is saved for
LONGEST = 255  # characters
_DIGEST = 16  # bytes
_sorted = msgspec.json.Encoder(order="sorted").encode


class Claim(NamedTuple):
    """The idempotency key of a request, and the request's fingerprint: a digest of method, path and parameters, and the
    path after it. Each account has keys of its own.
    """

    account: str
    sent: str
    fingerprint: bytes

    @property
    def key(self) -> str:
        """The key in the store, unique among accounts, since no header contains a line feed."""
        return f"{self.account}\n{self.sent}" if self.account else self.sent


def claim_of(account: str, sent: str, method: str, path: str, tree: Tree) -> Claim:
    """The claim of a request on the key it sent; ``tree`` are its parameters. Raises :class:`SimulatedError` if the key
    is too long.
    """
    if len(sent) > LONGEST:
        raise invalid(f"Idempotency keys can be up to {LONGEST} characters long. This one has {len(sent)}.")
    digest = hashlib.blake2b(_sorted([method, path, tree]), digest_size=_DIGEST).digest()
    return Claim(account, sent, digest + path.encode())


def _used_otherwise(claim: Claim, saved: SavedAnswer) -> SimulatedError:
    """The refusal of a key that was used for another endpoint, or with other parameters."""
    path, first = (print[_DIGEST:].decode() for print in (claim.fingerprint, saved.fingerprint))
    how = "with the same parameters they were first used with"
    if first and first != path:  # answers of older stores have no path
        how = f"for the same endpoint they were first used for ('{path}' vs '{first}')"
    return SimulatedError(
        400,
        f"Keys for idempotent requests can only be used {how}. Try using a key other than '{claim.sent}' if you meant "
        "to execute a different request.",
        type="idempotency_error",
    )


class IdempotencyKeys:
    """The keys of requests in progress, and the answers saved under keys. Used under the simulator's lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._busy: set[str] = set()

    def claim(self, claim: Claim, now: float) -> SavedAnswer | None:
        """The answer saved under the key; or ``None``, and the request holds the key until it is released.

        Raises :class:`SimulatedError`: 400 if the key was used for another request, 409 if one in progress holds it.
        """
        saved = self._store.answer(claim.key, since=now - KEY_LIFE)
        if saved is not None:
            if saved.fingerprint[:_DIGEST] != claim.fingerprint[:_DIGEST]:
                raise _used_otherwise(claim, saved)
            return saved
        if claim.key in self._busy:
            raise SimulatedError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that probably "
                f"means you submitted twice, and the other request is still going through): {claim.sent}. Please "
                "try again later.",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._store.check_room()
        self._busy.add(claim.key)
        return None

    def save(self, claim: Claim, status: int, body: bytes, request_id: str, now: float) -> None:
        """Save the answer under the key; durable with the store's next commit."""
        self._store.save_answer(claim.key, SavedAnswer(claim.fingerprint, status, body, request_id, now))

    def release(self, claim: Claim) -> None:
        """Give the key back, once its request has ended."""
        self._busy.discard(claim.key)
