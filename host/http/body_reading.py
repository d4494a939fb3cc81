"""Reads the body of an answer of httpx piece by piece: into memory, or to where the request has it go."""

from __future__ import annotations

import httpx

from host.http.content_coding import decoder
from host.http.message import BodySink
from host.http.transport_errors import OversizedError

__all__ = ["read_body"]


async def read_body(response: httpx.Response, largest: int, sink: BodySink | None) -> bytes:
    """The decoded body; nothing of it where ``sink`` takes it, whose own limit holds then.

    Raises ``OversizedError``, ``CodingError``, and what httpx and the sink raise.
    """
    if sink is not None:
        largest = sink.largest
        await sink.begin()
    body = bytearray()
    size = 0
    # A program's own transport may give an answer that is read and decoded already.
    is_read = response.is_stream_consumed
    coding = None
    if response.request.method != "HEAD" and not is_read:
        coding = decoder(response.headers.get("content-encoding", ""))
    async for data in response.aiter_bytes() if is_read else response.aiter_raw():
        for piece in (data,) if coding is None else coding.feed(data):
            size += len(piece)
            if size > largest:
                raise OversizedError(f"more than {largest} bytes{' (max_size)' if sink is not None else ''}")
            if sink is not None:
                await sink.write(piece)
            else:
                body += piece
    if coding is not None and size:
        coding.finish()
    return bytes(body)
