"""Ids in the API's form: a prefix and random base-62 characters."""

from __future__ import annotations

import random
from binascii import b2a_base64

_UPPER = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE_62 = bytes.maketrans(b"+/", b"aZ")  # base 64, which is fast, with its two signs made letters


class IdGenerator:
    """A source of ids; the same ``seed`` gives the same ids in the same order. Not thread-safe."""

    def __init__(self, seed: object = None) -> None:
        # Simulated ids protect nothing, and must be repeatable, so the source need not be secure.
        self._random = random.Random(None if seed is None else repr(seed))  # noqa: S311

    def new(self, prefix: str = "", length: int = 24) -> str:
        """``prefix`` followed by ``length`` random characters."""
        raw = b2a_base64(self._random.randbytes(length), newline=False)
        return prefix + raw.translate(_BASE_62)[:length].decode()

    def code(self, length: int = 8) -> str:
        """``length`` upper-case letters and digits, the form of a coupon's id."""
        return "".join(self._random.choices(_UPPER, k=length))

    def uuid(self) -> str:
        """A UUID of version 4."""
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
