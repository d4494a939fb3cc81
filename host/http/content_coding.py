"""Content codings decoded piece by piece, so that a small answer cannot expand beyond the limit.

RFC 9110, 8.4.1 (gzip, deflate), RFC 7932 (br), RFC 8878 and RFC 9659 (zstd, with a window of 8 MB at most).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, Protocol

__all__ = ["CodingError", "Decoder", "accepted", "decoder"]

PIECE = 1 << 16  # bytes of plain data made at once
BITE = 256  # bytes of zstd taken at once: they unfold to 8 MB at most (a block is 3 bytes and up to 128 KB)
WINDOW = 1 << 23
MOST = 3  # codings on top of one another


class CodingError(Exception):
    """The data is not what its ``Content-Encoding`` says."""


class Decoder(Protocol):
    """Decodes one answer."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain data, in pieces. Raises :class:`CodingError`."""

    def finish(self) -> None:
        """Raises :class:`CodingError` if something is missing."""


def accepted() -> str:
    """What to put in ``Accept-Encoding``."""
    names = ["gzip", "deflate"]
    if find_spec("brotli") is not None:
        names.append("br")
    if find_spec("zstandard") is not None:
        names.append("zstd")
    return ", ".join(names)


def decoder(codings: str) -> Decoder | None:
    """A decoder for a ``Content-Encoding``; ``None`` if there is nothing to decode. Raises :class:`CodingError`."""
    names = [name.strip().lower() for name in codings.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return None
    if len(names) > MOST:
        raise CodingError(f"{len(names)} codings on top of one another")
    found: Decoder | None = None
    for name in reversed(names):
        make = _CODINGS.get(name)
        if make is None:
            raise CodingError(f"{name[:20]} was not asked for")
        try:
            found = make() if found is None else _Chain(found, make())
        except ImportError:
            raise CodingError(f"{name} was not asked for") from None
    return found


class _Zlib:
    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._object: Any = zlib.decompressobj(31) if self._gzip else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._object is None:  # deflate is zlib's format, but some send it bare
            self._object = zlib.decompressobj(15 if data[0] & 15 == 8 else -15)
        try:
            while data:
                if self._object.eof:
                    if not self._gzip:
                        return
                    self._object = zlib.decompressobj(31)  # a gzip file may have several members
                yield self._object.decompress(data, PIECE)
                data = self._object.unused_data if self._object.eof else self._object.unconsumed_tail
            while not self._object.eof and (rest := self._object.decompress(b"", PIECE)):
                yield rest
        except zlib.error as error:
            raise CodingError(str(error)) from error

    def finish(self) -> None:
        if self._object is not None and not self._object.eof:
            raise CodingError("it ends too early")


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # loaded with the first answer of that coding

        self._error = brotli.error
        self._object = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._object.process(data, output_buffer_limit=PIECE)
            while not self._object.can_accept_more_data():
                yield self._object.process(b"", output_buffer_limit=PIECE)
        except self._error as error:
            raise CodingError("it is not brotli") from error

    def finish(self) -> None:
        if not self._object.is_finished():
            raise CodingError("it ends too early")


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        made = zstandard.ZstdDecompressor(max_window_size=WINDOW)
        self._new: Callable[[], Any] = made.decompressobj
        self._object = self._new()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), BITE):
                rest = data[start : start + BITE]
                while rest:
                    if self._object.eof:
                        self._object = self._new()
                    yield self._object.decompress(rest)
                    rest = self._object.unused_data if self._object.eof else b""
        except self._error as error:
            raise CodingError(str(error)) from error

    def finish(self) -> None:
        if not self._object.eof:
            raise CodingError("it ends too early")


class _Chain:
    """Decodes the outer coding, then the inner."""

    def __init__(self, outer: Decoder, inner: Decoder) -> None:
        self._outer = outer
        self._inner = inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self._outer.feed(data):
            yield from self._inner.feed(piece)

    def finish(self) -> None:
        self._outer.finish()
        self._inner.finish()


_CODINGS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Zlib("gzip"),
    "x-gzip": lambda: _Zlib("gzip"),
    "deflate": lambda: _Zlib("deflate"),
    "br": _Brotli,
    "zstd": _Zstd,
}
