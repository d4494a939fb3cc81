"""Ids as the API makes them: a prefix and random base-62 characters."""

from __future__ import annotations

import random
from binascii import b2a_base64

_UPPER = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE_62 = bytes.maketrans(b"+/", b"aZ")  # base 64 is at hand in C; its two signs become letters


class Ids:
    """A source of ids; the same ``seed`` gives the same ids in the same order. Not thread-safe."""

    def __init__(self, seed: object = None) -> None:
        # Simulated ids guard nothing, and must be repeatable: no need of a secure source.
        self._random = random.Random(None if seed is None else repr(seed))  # noqa: S311

    def new(self, prefix: str = "", length: int = 24) -> str:
        """``prefix`` and ``length`` random characters."""
        raw = b2a_base64(self._random.randbytes(length), newline=False)
        return prefix + raw.translate(_BASE_62)[:length].decode()

    def code(self, length: int = 8) -> str:
        """Upper-case letters and digits, as for coupons."""
        return "".join(self._random.choices(_UPPER, k=length))

    def uuid(self) -> str:
        """A version-4 UUID."""
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
