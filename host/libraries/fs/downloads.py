"""Writes the body of an answer to a granted file, which appears at its path only when it is complete."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from host.errors import UnexpectedAnswer
from host.http.message import Response
from host.libraries.fs.paths import Replacement, failure
from host.libraries.fs.uploads import LARGEST_UPLOAD
from host.policy.permissions import Permissions

__all__ = ["LARGEST_DOWNLOAD", "MOST_ASKED", "DownloadFile"]

LARGEST_DOWNLOAD = LARGEST_UPLOAD  # bytes, unless more are asked for
MOST_ASKED = 1 << 40


class DownloadFile:
    """A :class:`host.http.message.BodySink` that writes to a file. ``kept`` is true once the file is in place.

    ``largest`` is in bytes. The methods raise ``CallError`` if the file cannot be written. Call :meth:`discard` at the
    end to remove what an incomplete download leaves.
    """

    def __init__(self, path: str, real: str, largest: int | None = None) -> None:
        self._path = path
        self._largest = LARGEST_DOWNLOAD if largest is None else largest
        self._file = Replacement(real)
        self._streamed = False
        self._size = 0
        self._hash = hashlib.sha256()
        self.kept = False

    @classmethod
    def granted(cls, permissions: Permissions, path: str, largest: int | None = None) -> DownloadFile:
        """A download to a path named by a script. Raises ``DeniedError`` if writing to it is not granted."""
        return cls(path, permissions.check_write(path), largest)

    @property
    def largest(self) -> int:
        """The largest permitted body, in bytes."""
        return self._largest

    @property
    def facts(self) -> dict[str, Any]:
        """The path, size in bytes and SHA-256 hash of the file, for the script."""
        return {"path": self._path, "bytes": self._size, "sha256": self._hash.hexdigest()}

    async def open(self) -> None:
        """Open a temporary file in the same folder."""
        await self._do(self._file.begin)

    async def begin(self) -> None:
        """Start, or start again, with the first byte of the body."""
        self._streamed, self._size, self._hash = True, 0, hashlib.sha256()
        await self._do(self._file.begin)

    async def write(self, data: bytes) -> None:
        """Append the next part of the body."""

        def add() -> None:
            self._hash.update(data)
            self._file.write(data)

        self._size += len(data)
        await self._do(add)

    async def finish(self, answer: Response) -> Response:
        """Move the complete file to its path, and return the answer without its body.

        If nothing was streamed, the body is taken from the answer. Nothing is kept of an error or an empty answer.
        """
        if not 200 <= answer.status < 300 or answer.status == 204:
            return answer
        if self._streamed:
            await self._do(self._file.commit)
            self.kept = True
        else:
            await asyncio.to_thread(self.keep, answer.body)
        return replace(answer, body=b"")

    def keep(self, body: bytes) -> None:
        """Write a body that is in memory, on this thread."""
        if len(body) > self._largest:
            text = f"the answer is too large: more than {self._largest} bytes (max_size)"
            raise UnexpectedAnswer(text, retryable=False)
        self._size, self._hash = len(body), hashlib.sha256(body)
        try:
            self._file.begin()
            self._file.write(body)
            self._file.commit()
        except OSError as error:
            raise failure(f"download to {self._path}", error) from error
        finally:
            self._file.discard()
        self.kept = True

    async def discard(self) -> None:
        """Remove the temporary file. Does nothing after :meth:`finish`."""
        await asyncio.to_thread(self._file.discard)

    async def _do(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise failure(f"download to {self._path}", error) from error
