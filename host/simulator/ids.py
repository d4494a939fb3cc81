"""Ids as the API makes them: a prefix and random base-62 characters."""

from __future__ import annotations

import random

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Ids:
    """A source of ids; the same ``seed`` gives the same ids in the same order. Not thread-safe."""

    def __init__(self, seed: object = None) -> None:
        # Simulated ids guard nothing, and must be repeatable: no need of a secure source.
        self._random = random.Random(None if seed is None else repr(seed))  # noqa: S311

    def new(self, prefix: str = "", length: int = 24) -> str:
        """``prefix`` and ``length`` random characters."""
        return prefix + "".join(self._random.choices(ALPHABET, k=length))

    def code(self, length: int = 8) -> str:
        """Upper-case letters and digits, as for coupons."""
        return "".join(self._random.choices(ALPHABET[:36], k=length))

    def uuid(self) -> str:
        """A version-4 UUID."""
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
