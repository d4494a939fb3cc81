"""A web server on loopback that tells what it was asked, and does odd things by path."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import brotli
import uvicorn
import zstandard

TEXT = b"the same text, again and again. " * 100
CODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


class Serving:
    """An ASGI app on a port, on a thread of its own. ``close()`` it."""

    def __init__(self, app: Any) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does so for its own only
        self.port: int = listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="test-server")
        self._thread.start()
        self._ready.wait(10)

    def _serve(self, listener: socket.socket) -> None:
        startup = self._server.startup

        async def started(sockets: Any = None) -> None:
            await startup(sockets)
            self._ready.set()

        self._server.startup = started  # type: ignore[method-assign]
        asyncio.run(self._server.serve([listener]))

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


class WebApp:
    """``seen`` holds the requests in their order."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.hanging = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = {k: v[-1] for k, v in parse_qs(scope["query_string"].decode()).items()}
        asked = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": {k.decode(): v.decode("latin-1") for k, v in scope["headers"]},
            "body": body.decode("latin-1"),
        }
        self.seen.append(asked)
        status, headers, content = await self.answer(scope["path"], query, asked)
        fields = [(k.encode(), v.encode()) for k, v in headers]
        fields.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    async def answer(self, path: str, query: dict[str, str], asked: dict[str, Any]) -> Any:
        json_type = ("Content-Type", "application/json")
        if path == "/redirect":
            return int(query.get("status", "302")), [("Location", query["to"])], b""
        if path == "/status":
            return int(query["code"]), [json_type], b'{"error": "as asked"}'
        if path == "/flaky":  # fails until it was asked so often
            count = sum(each["path"] == "/flaky" for each in self.seen)
            return (200 if count >= int(query["times"]) else 503), [json_type], b"{}"
        if path.startswith("/coded/"):
            name = path.rpartition("/")[2]
            return 200, [("Content-Encoding", name)], CODED[name](TEXT)
        if path.startswith("/bomb/"):
            name = path.rpartition("/")[2]
            return 200, [("Content-Encoding", name)], CODED[name](b"\0" * (32 << 20))
        if path == "/cookies":
            return 200, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/"), json_type], b"[]"
        if path == "/bytes":
            return (
                200,
                [("Content-Type", "application/octet-stream")],
                bytes(range(256)) * int(query["times"]),
            )
        if path == "/hang":
            self.hanging.set()
            await asyncio.sleep(30)
        return 200, [json_type, ("X-Seen", "yes")], json.dumps(asked).encode()
