"""Idempotency keys: what makes repeating a mutation safe.

A key belongs to a call, not to an attempt: all attempts of one call carry the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

__all__ = ["RandomKeys", "derived_key", "random_key"]

STOCK = 256  # keys
_EACH = tuple(slice(at, at + 32) for at in range(0, 32 * STOCK, 32))  # of a stock's digits


def random_key() -> str:
    """A new key, 128 random bits as hexadecimal digits."""
    return os.urandom(16).hex()


class RandomKeys:
    """Random keys for one host, made many at a time: the system is asked once for all of them. Thread-safe.

    Not to be shared by hosts: a process that forks has the same stock as its parent, but a host does not work there.
    """

    __slots__ = ("_stock",)

    def __init__(self) -> None:
        self._stock: Iterator[str] = iter(())

    def next(self) -> str:
        """As :func:`random_key`, each once."""
        while True:
            try:
                return next(self._stock)  # of one iterator in C: no two threads get the same
            except StopIteration:
                self._stock = map(os.urandom(16 * STOCK).hex().__getitem__, _EACH)


def derived_key(run_id: str, task_path: Sequence[int | str], position: int) -> str:
    """The key of the call at ``position`` in a task of a durable run: the same whenever the call is made again.

    ``task_path`` are the numbers or names of the tasks from the main chunk down. 40 hexadecimal digits (160
    bits of SHA-256), below Stripe's bound of 255 characters.
    """
    import hashlib  # loads OpenSSL, needed by durable runs only

    # Each part with its length, so that no two different paths give the same text.
    parts = [run_id, *map(str, task_path), str(position)]
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:40]
