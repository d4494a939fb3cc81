"""An API on loopback that answers with files: the id that a request names says what becomes of them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = bytes(range(256)) * 256
WHOLE = PIECE * 16  # 1 MB


class FileServer:
    """``asked`` are the requests' lines. ``half_sent`` is set when ``held`` has sent a half; it sends the rest when
    ``go_on`` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.half_sent, self.go_on = threading.Event(), threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.asked.append(f"{self.command} {self.path}")
                word = self.path.split("?")[0].rstrip("/").split("/")[3]
                ANSWERS[word](outer, self)

            do_GET = do_POST = _answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._server.block_on_close = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """End it; who is held goes on."""
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


Answer = Callable[[FileServer, BaseHTTPRequestHandler], None]


def head(request: BaseHTTPRequestHandler, status: int, length: int, **more: str) -> None:
    """Send the head of an answer, after which the connection ends."""
    request.send_response(status)
    request.send_header("Content-Type", "application/pdf" if status == 200 else "application/json")
    request.send_header("Content-Length", str(length))
    for name, value in more.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Connection", "close")
    request.end_headers()
    request.close_connection = True


def whole(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """All of it."""
    head(request, 200, len(WHOLE))
    request.wfile.write(WHOLE)


def held(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """A half, and the rest when somebody says so."""
    head(request, 200, len(WHOLE))
    request.wfile.write(WHOLE[: len(WHOLE) // 2])
    request.wfile.flush()
    server.half_sent.set()
    server.go_on.wait(30)
    request.wfile.write(WHOLE[len(WHOLE) // 2 :])


def cut(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """Less than was said."""
    head(request, 200, len(WHOLE))
    request.wfile.write(PIECE)


def cut_once(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """Less than was said, the first time."""
    (cut if len(server.asked) == 1 else whole)(server, request)


def held_once(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """No more than a half, the first time."""
    (held if len(server.asked) == 1 else whole)(server, request)


def endless(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """Chunks without an end, as long as somebody reads."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.close_connection = True
    try:
        while True:
            request.wfile.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
    except OSError:
        return


def gzipped(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """In a content coding."""
    body = gzip.compress(WHOLE)
    head(request, 200, len(body), Content_Encoding="gzip")
    request.wfile.write(body)


def not_gzipped(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """In none, though it says so."""
    head(request, 200, len(PIECE), Content_Encoding="gzip")
    request.wfile.write(PIECE)


def bomb(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """Few bytes that unfold to many."""
    body = gzip.compress(b"\0" * (128 << 20), 1)
    head(request, 200, len(body), Content_Encoding="gzip")
    try:
        request.wfile.write(body)
    except OSError:
        return


def gone(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """The API's own error."""
    body = b'{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such file"}}'
    head(request, 404, len(body))
    request.wfile.write(body)


def moved(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """Elsewhere: nothing follows there with the key."""
    head(request, 302, 0, Location="http://127.0.0.1:1/elsewhere")


def empty(server: FileServer, request: BaseHTTPRequestHandler) -> None:
    """A file of no bytes."""
    head(request, 200, 0)


ANSWERS: dict[str, Answer] = {
    each.__name__: each
    for each in (whole, held, cut, cut_once, held_once, endless, gzipped, not_gzipped, bomb, gone, moved, empty)
}
