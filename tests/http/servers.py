"""A server of faults on loopback: the path of a request says what goes wrong with it."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path

CERTIFICATES = Path(__file__).parent / "certificates"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HTML = b"<html><body>502 Bad Gateway</body></html>"


class FaultServer:
    """A thread for each connection. ``requests`` are the raw requests in the order they came."""

    def __init__(self, *, tls: bool = False, certificate: str = "server") -> None:
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / f"{certificate}.key")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.base = f"http{'s' if tls else ''}://localhost:{self.port}"
        self.host = f"localhost:{self.port}"
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.closing = threading.Event()
        self.hanging = threading.Event()
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket) -> None:
        connection = raw
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(raw, server_side=True)
                self._open.add(connection)
            while (head := self._read(connection)) is not None:
                path = head.split()[1].partition(b"?")[0].decode().strip("/")
                if not ANSWERS.get(path, send(OK))(self, connection):
                    return
        except OSError:
            pass
        finally:
            self._open.discard(raw)
            self._open.discard(connection)
            connection.close()
            raw.close()

    def _read(self, connection: socket.socket) -> bytes | None:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return None
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        chunked = b"transfer-encoding: chunked" in head.lower()
        while len(body) < length or (chunked and not body.endswith(b"0\r\n\r\n")):
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return head


Answer = Callable[[FaultServer, socket.socket], bool]


def send(data: bytes, *, keep: bool = True) -> Answer:
    def answer(server: FaultServer, connection: socket.socket) -> bool:
        connection.sendall(data)
        return keep

    return answer


def close(server: FaultServer, connection: socket.socket) -> bool:
    return False


def reset(server: FaultServer, connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang(server: FaultServer, connection: socket.socket) -> bool:
    server.hanging.set()
    server.closing.wait(30)
    return False


def begin_and_hang(server: FaultServer, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nabc")
    return hang(server, connection)


def endless(server: FaultServer, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not server.closing.is_set():
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    return False


def pour(start: bytes, piece: bytes) -> Answer:
    """An answer that goes on for as long as anybody reads."""

    def answer(server: FaultServer, connection: socket.socket) -> bool:
        connection.sendall(start)
        while not server.closing.is_set():
            connection.sendall(piece)
        return False

    return answer


def with_length(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


ANSWERS: dict[str, Answer] = {
    "ok": send(OK),
    "close": close,
    "reset": reset,
    "hang": hang,
    "hang-in-body": begin_and_hang,
    "truncated": send(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nabc", keep=False),
    "truncated-chunk": send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", keep=False),
    "not-http": send(b"hello there\r\n\r\n", keep=False),
    "huge-head": send(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 900_000 + b"\r\n\r\n", keep=False),
    "broken-gzip": send(with_length(b"hello", b"Content-Encoding: gzip")),
    "gzip": send(with_length(gzip.compress(b"unpacked"), b"Content-Encoding: gzip")),
    "gzip-bomb": send(with_length(gzip.compress(b"0" * 3_000_000), b"Content-Encoding: gzip")),
    "large": send(with_length(b"x" * 2_000_000)),
    "endless": endless,
    "chunked": send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    "no-length": send(b"HTTP/1.0 200 OK\r\n\r\nto the end", keep=False),
    "no-content": send(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "continue": send(b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    "redirect": send(with_length(b"", b"Location: /ok", status=b"302 Found")),
    "html": send(with_length(HTML, b"Content-Type: text/html", status=b"502 Bad Gateway")),
    "unavailable": send(with_length(b"", b"Retry-After: 7", status=b"503 Unavailable")),
    "headers": send(with_length(b"ok", b"X-Twice: a", b"x-twice: b", b"Request-Id: req_1")),
    "latin": send(with_length(b"ok", b"X-Odd: caf\xe9", b"Request-Id: req_1")),
    "closes-after": send(OK, keep=False),
    "two": send(OK + with_length(b"evil", b"Request-Id: req_evil")),
    "no-content-and-more": send(b"HTTP/1.1 204 No Content\r\n\r\n" + OK, keep=False),
    "trailers": send(CHUNKED + b"2\r\nok\r\n0\r\nContent-Encoding: gzip\r\nX-Late: 1\r\n\r\n"),
    "late-trailer": send(CHUNKED + b"61a80\r\n" + b"x" * 400_000 + b"\r\n0\r\nX-Late: 1\r\n\r\n"),
    "small-chunks": send(CHUNKED + b"2\r\nab\r\n" * 100_000 + b"0\r\n\r\n"),
    "chunk-extensions": pour(CHUNKED + b"1;", b"e" * 65536),
    "long-header": pour(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536),
    "continued": pour(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "gzip-parts": send(with_length(gzip.compress(b"un") + gzip.compress(b"packed"), b"Content-Encoding: gzip")),
    "gzip-often": send(with_length(gzip.compress(b"x"), b"Content-Encoding: " + b", ".join([b"gzip"] * 40))),
}
