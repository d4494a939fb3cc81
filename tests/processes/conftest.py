"""A server that counts how much it is asked at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

BODY = b'{"id": "prod_1", "object": "product"}'


class Server:
    """Answers each request after 5 ms with a product. ``most`` were asked at once, ``requests`` in all."""

    def __init__(self) -> None:
        self.now = self.most = self.requests = 0
        lock, pause, outer = threading.Lock(), threading.Event(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"] or 0))
                with lock:
                    outer.requests += 1
                    outer.now += 1
                    outer.most = max(outer.most, outer.now)
                pause.wait(0.005)  # how long the work takes here: it is never set
                with lock:
                    outer.now -= 1
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + BODY)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()
