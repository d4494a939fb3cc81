"""What a run prints: collected, bounded, secrets masked."""

from __future__ import annotations

from host.errors import LimitError
from host.limits import MB
from host.policy.redaction import Redactor

__all__ = ["MOST_PIECES", "Output"]

MOST_PIECES = 10_000  # of output, before they are put together


class Output:
    """The output of one run, at most ``limit`` bytes of it and of its log together."""

    __slots__ = ("_limit", "_logged", "_pieces", "_redactor", "_whole", "printed")

    def __init__(self, limit: int, redactor: Redactor) -> None:
        self._limit = limit
        self._redactor = redactor
        self._pieces: list[str] = []
        self._whole = 0  # of them, how many are put together from many
        self._logged = 0  # bytes
        self.printed = 0  # bytes

    def add(self, data: bytes) -> str:
        """Add to it; returns the addition as text, secrets masked. Raises ``LimitError``."""
        self.printed += len(data)
        self._check()
        text = self.text(data)
        self._pieces.append(text)
        if len(self._pieces) - self._whole > MOST_PIECES:  # each is an object besides its text
            self._pieces[self._whole :] = ["".join(self._pieces[self._whole :])]
            self._whole += 1
        return text

    def text(self, data: bytes) -> str:
        """Bytes of output as text, secrets masked."""
        return self._redactor(data.decode("utf-8", "surrogateescape"))

    def count_log(self, size: int) -> None:
        """Count bytes that go to the log. Raises ``LimitError``."""
        self._logged += size
        self._check()

    def whole(self) -> str:
        """The whole output."""
        return "".join(self._pieces)

    def _check(self) -> None:
        if self.printed + self._logged > self._limit:
            most = f"{self._limit // MB} MB" if self._limit >= MB else f"{self._limit:,} bytes"
            raise LimitError(f"the script printed more than {most}")
