"""The benchmark's server without a C compiler: the same contract as ``server.c``, which says it.

Slower than that one, so figures taken with it are not to be compared with others; the results say which
server answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from typing import cast


class Counts:
    """What was asked so far."""

    def __init__(self) -> None:
        self.creates = self.others = self.accepted = self.open = 0

    def body(self) -> bytes:
        return json.dumps(vars(self)).encode()


def response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nRequest-Id: req_benchmark\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def request_size(text: bytes) -> int:
    """Bytes of the first whole request in ``text``, 0 when it is not all there; ``ValueError`` when unfit."""
    end = text.find(b"\r\n\r\n")
    if end < 0:
        return 0
    size = end + 4
    for line in text[:end].lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            size += int(line[15:])
        elif line.startswith(b"transfer-encoding:"):
            raise ValueError("a request without Content-Length")
    return size if len(text) >= size else 0


class Connection(asyncio.Protocol):
    """Answers each request of one connection, ``delay`` seconds late."""

    def __init__(self, product: bytes, delay: float, counts: Counts) -> None:
        self.product = response("200 OK", product)
        self.delay = delay
        self.counts = counts
        self.unread = b""
        self.waiting: deque[asyncio.TimerHandle] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass of it
        self.counts.accepted += 1
        self.counts.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.counts.open -= 1
        for timer in self.waiting:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while self.unread:
            try:
                size = request_size(self.unread)
            except ValueError:
                self.counts.others += 1
                self.transport.write(response("400 Bad Request", b"{}"))
                self.transport.close()
                return
            if not size:
                return
            head, self.unread = self.unread[:20], self.unread[size:]
            self.answer(head)

    def answer(self, head: bytes) -> None:
        if head.startswith(b"POST /v1/products "):
            self.counts.creates += 1
            if self.delay:
                loop = asyncio.get_running_loop()
                self.waiting.append(loop.call_later(self.delay, self.answer_late))
            else:
                self.transport.write(self.product)
        elif head.startswith(b"GET /count "):
            self.transport.write(response("200 OK", self.counts.body()))
        else:
            self.counts.others += 1
            self.transport.write(response("404 Not Found", b"{}"))

    def answer_late(self) -> None:
        self.waiting.popleft()
        self.transport.write(self.product)


async def serve(delay_ms: int, product: bytes) -> None:
    loop = asyncio.get_running_loop()
    counts = Counts()
    ended = asyncio.Event()
    server = await loop.create_server(
        lambda: Connection(product, delay_ms / 1000, counts), "127.0.0.1", 0, backlog=65535
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


def main() -> None:
    delay_ms, product = int(sys.argv[1]), sys.argv[2].encode()
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(delay_ms, product))
    else:
        uvloop.run(serve(delay_ms, product))


if __name__ == "__main__":
    main()
