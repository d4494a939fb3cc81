"""A server of products that keeps a ledger: when each request came, how many were under way at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

BODY = b'{"id": "prod_1", "object": "product"}'


class LedgerServer:
    """Answers each request after ``work`` seconds, or once ``gate`` is set; with ``status``."""

    def __init__(self, work: float = 0.0) -> None:
        self.times: list[float] = []
        self.names: list[str] = []
        self.now = self.most = 0
        self.status = 200
        self.gate, self.taking = threading.Event(), threading.Event()
        self.gate.set()
        self.taking.set()
        self.arrived = threading.Condition()
        pause, outer = threading.Event(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
                outer.taking.wait(60)
                with outer.arrived:
                    outer.times.append(monotonic())
                    outer.names.append(body)
                    outer.now += 1
                    outer.most = max(outer.most, outer.now)
                    outer.arrived.notify_all()
                outer.gate.wait(300)
                pause.wait(work)  # how long the work takes here: it is never set
                with outer.arrived:
                    outer.now -= 1
                    outer.arrived.notify_all()
                head = f"HTTP/1.1 {outer.status} X\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + BODY)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @contextmanager
    def stalling(self, seconds: float) -> Iterator[None]:
        """Meanwhile nothing is taken for so long, again and again: what comes then is counted when that is over."""
        done = threading.Event()

        def stall() -> None:
            while not done.wait(seconds):
                self.taking.clear()
                done.wait(seconds)
                self.taking.set()

        thread = threading.Thread(target=stall)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def most_in(self, seconds: float) -> int:
        """The most requests of any such time, wherever it begins."""
        times, most, first = sorted(self.times), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def wait_for(self, requests: int) -> None:
        """Until so many requests have come."""
        with self.arrived:
            came = self.arrived.wait_for(lambda: len(self.times) >= requests, 120)
            assert came, f"{len(self.times)} of {requests} requests have come"

    def wait_until_idle(self) -> None:
        """Until no request is under way."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.now == 0, 120)

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def ledger_server(work: float = 0.0) -> Iterator[LedgerServer]:
    server = LedgerServer(work)
    try:
        yield server
    finally:
        server.close()
