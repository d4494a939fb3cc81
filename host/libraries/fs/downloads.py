"""An answer's body on its way to a granted file, which is there when it is complete, and not before."""

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
    """As of :class:`host.http.message.BodySink`. ``kept``: all of the body is there, in the place of what was there.

    Raises ``CallError`` where the file cannot be written. Leave nothing behind: :meth:`discard`.
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
        """To a path a script names. Raises ``DeniedError`` where writing it was not granted."""
        return cls(path, permissions.check_write(path), largest)

    @property
    def largest(self) -> int:
        """How many bytes there may be."""
        return self._largest

    @property
    def facts(self) -> dict[str, Any]:
        """What a script is told of it: where it is, how long, and the hash of what is in it."""
        return {"path": self._path, "bytes": self._size, "sha256": self._hash.hexdigest()}

    async def open(self) -> None:
        """Open the file beside the one that is to be there."""
        await self._do(self._file.begin)

    async def begin(self) -> None:
        """The body comes now, from its beginning."""
        self._streamed, self._size, self._hash = True, 0, hashlib.sha256()
        await self._do(self._file.begin)

    async def write(self, data: bytes) -> None:
        """More of the body."""

        def add() -> None:
            self._hash.update(data)
            self._file.write(data)

        self._size += len(data)
        await self._do(add)

    async def finish(self, answer: Response) -> Response:
        """Put the body of an answer in place: what came of it, or what the answer still has of it, from a sender that
        does not stream. Gives the answer without it. Of an error, or of no content, nothing is kept.
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
        """Put a body in place that is in memory, on this thread."""
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
        """Leave no part of it behind. After :meth:`finish` it does nothing."""
        await asyncio.to_thread(self._file.discard)

    async def _do(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise failure(f"download to {self._path}", error) from error
