"""Reads one answer after another from a connection's bytes: httptools (llhttp) parses, this module limits and
collects.
"""

from __future__ import annotations

import httptools

from host.http.answer_head import Head, fields_of
from host.http.transport_errors import OversizedError, TransportError

__all__ = ["ResponseReader"]

MOST_HEAD = 1 << 18  # bytes of an answer's head, and of its trailers
MOST_PIECES = 512  # of a body, before they are joined: small chunks cost more than what is in them


class ResponseReader:
    """The answer that is being read, and whether it is ``complete``. ``limit`` bounds its body, in bytes.

    ``headed``: its head is there. ``coded``: that names a content coding. ``reusable``: another may follow on this
    connection.
    """

    __slots__ = (
        "_bodiless",
        "_length",
        "_limit",
        "_raw",
        "_trailers",
        "body",
        "coded",
        "complete",
        "head",
        "headed",
        "parser",
        "reusable",
        "status",
    )

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.parser = httptools.HttpResponseParser(self)
        self.complete = self.reusable = False
        self.expect(False)

    def expect(self, bodiless: bool) -> None:
        """A request is to be sent whose answer comes next; ``bodiless``: it was a HEAD."""
        self._bodiless = bodiless
        self.head: Head = []
        self.headed = self.complete = False
        self._raw = 0

    def feed(self, data: bytes) -> Exception | None:
        """Read more of it. Returns what is wrong with it, if anything is."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return self._broken(TransportError("malformed", "it wants another protocol"))
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, OversizedError | TransportError):
                return self._broken(cause)
            return self._broken(TransportError("malformed", str(error)))
        if self.complete:
            return None
        self._raw += len(data)
        return self._unbounded() if self._raw > MOST_HEAD else None

    def lost(self, why: Exception | None) -> Exception | None:
        """The connection has ended before the answer was complete. Returns the fault, or ``None`` if that is the end
        of the body.
        """
        if not self.headed:
            return TransportError("truncated" if self.head else "reset", "" if why is None else str(why))
        fields = fields_of(self.head)
        if "content-length" in fields or "transfer-encoding" in fields or why is not None:
            return TransportError("truncated")
        self.reusable = False  # the body ends with the connection (RFC 9112, 6.3)
        return None

    def whole(self) -> bytes:
        """The body of a complete answer, as it was sent."""
        parts = self.body
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)  # bytes() of bytes is itself

    def _broken(self, fault: Exception) -> Exception | None:
        """A fault after a complete answer does not affect that answer, but nothing more may be read here."""
        if self.complete:
            self.reusable = False
            return None
        return fault

    def _unbounded(self) -> Exception | None:
        # The parser keeps a header's line until it is whole, and does not report a chunk's extensions.
        if not self.headed and self._raw > 2 * MOST_HEAD:
            return TransportError("malformed", "its head is over 256 KB")
        if self._raw > 2 * (self._limit + MOST_HEAD):
            return OversizedError(f"more than {self._limit} bytes")
        return None

    # -- httptools' side

    def on_message_begin(self) -> None:
        if self.complete:  # what follows an answer is not this request's
            raise TransportError("malformed", "more than one answer")
        self.head = []
        self.body: list[bytes | bytearray] = []
        self.headed = self.coded = False
        self._trailers = self._length = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.headed:
            self.head.append((name, value))
            if len(name) == 16 and name.lower() == b"content-encoding":
                self.coded = True
            return
        self._trailers += len(name) + len(value)  # which belong to nothing (RFC 9110, 6.5.1)
        if self._trailers > MOST_HEAD:
            raise TransportError("malformed", "what follows its body is over 256 KB")

    def on_headers_complete(self) -> None:
        head = self.head
        # A head in one piece is small enough.
        if self._raw and sum(len(name) + len(value) for name, value in head) > MOST_HEAD:
            raise TransportError("malformed", "its head is over 256 KB")
        self.status = status = self.parser.get_status_code()
        if status >= 200:
            self.headed = True
            if self._bodiless:
                # llhttp has no way to learn that this answer has no body: it is complete, and so is the connection.
                self.reusable, self.complete = False, True

    def on_body(self, data: bytes) -> None:
        if self._bodiless:
            return
        self._length = length = self._length + len(data)
        if length > self._limit:
            raise OversizedError(f"more than {self._limit} bytes")
        body = self.body
        body.append(data)
        if len(body) > MOST_PIECES:
            first, *rest = body
            whole = first if isinstance(first, bytearray) else bytearray(first)
            whole += b"".join(rest)
            self.body = [whole]

    def on_message_complete(self) -> None:
        if self.status < 200 or self.complete:  # 100 Continue: the answer follows
            return
        self.reusable = self.parser.should_keep_alive()
        self.complete = True
