"""A server on loopback that answers each change with the next of the steps it was given."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OBJECT = {"id": "pi_1", "object": "payment_intent", "amount": 700, "currency": "usd", "status": "succeeded"}
DROP = "drop"
"""The step of a connection that ends without an answer."""


class ScriptedServer:
    """``steps`` are ``DROP`` or ``(status, headers, body)``; without one the answer is an object. ``seen`` has each
    request's path, headers and body."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                step = outer.steps.pop(0) if outer.steps else (200, {}, OBJECT)
                if step == DROP:
                    self.close_connection = True
                    return
                status, headers, told = step
                content = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 -- the same

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
