"""Pages in every style, on loopback and simulated: all items once, in order, whatever the size of a page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from host import Host
from tests.run.paged_styles import STYLES, Style, document


class PagedServer:
    """A list of things on loopback in a style. ``between``: what happens to the list before each further page."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.things: list[dict[str, str]] = []
        self.asked: list[dict[str, Any]] = []
        self.between: Any = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                asked = json.loads(body) if body else dict(parse_qsl(url.query))
                status, told, headers = outer.answer(asked, f"{outer.url}{url.path}")
                text = json.dumps(told).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_GET  # noqa: N815 -- the same

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answer(self, asked: dict[str, Any], here: str) -> tuple[int, Any, dict[str, str]]:
        unknown = [name for name in asked if name not in self.style.params and name != "colour"]
        first = self.asked[0] if self.asked else asked
        if unknown or asked.get("colour") != first.get("colour"):
            return 400, {"error": {"message": f"not understood: {asked}, after {first}"}}, {}
        if self.asked and self.between is not None:
            self.between(self)
        self.asked.append(asked)
        things = [each for each in self.things if asked.get("colour") in (None, each["colour"])]
        return 200, *self.style.serve(things, asked, here)

    def fill(self, count: int) -> None:
        """So many things, of which no page was asked for."""
        self.things = [{"id": f"t{n}", "colour": "red" if n % 2 else "blue"} for n in range(1, count + 1)]
        self.asked, self.between = [], None

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(params=STYLES)
def paged(request: pytest.FixtureRequest) -> Iterator[tuple[PagedServer, Host]]:
    """A server in one of the styles, and a host that knows its document."""
    server = PagedServer(STYLES[request.param])
    host = Host(apis={"x": document(server.style, server.url)})
    yield server, host
    host.close()
    server.close()


def walked(host: Host, style: Style, size: int | None, colour: str | None = None) -> str:
    """The ids that a loop over the list gives."""
    asked = {style.size: size, "colour": colour}
    told = ", ".join(f"{name} = {json.dumps(value)}" for name, value in asked.items() if value is not None)
    code = f"""
    local ids = {{}}
    for thing in x.things.list{{{told}}}:each() do ids[#ids + 1] = thing.id end
    return table.concat(ids, " ")"""
    value: str = host.run_source(code).raise_for_error().value
    return value


def test_all_items_come_once_and_in_order(paged: tuple[PagedServer, Host]) -> None:
    """Whatever the number of items is to the size of a page, which the API may also cut."""
    server, host = paged
    for count in (0, 1, 3, 4, 7):
        for size in (None, 1, 3, 100):
            server.fill(count)
            assert walked(host, server.style, size) == " ".join(f"t{n}" for n in range(1, count + 1)), (count, size)
            assert len(server.asked) <= count + 2, (count, size)


def test_a_filter_is_repeated_on_each_page(paged: tuple[PagedServer, Host]) -> None:
    """Also where a URL or a token leads on; the server refuses a page without it."""
    server, host = paged
    server.fill(9)
    assert walked(host, server.style, 2, "red") == "t1 t3 t5 t7 t9"
    assert len(server.asked) >= 3


def test_what_changes_meanwhile_loses_and_doubles_nothing(paged: tuple[PagedServer, Host]) -> None:
    """By a cursor, whatever is added or deleted before it; by a place in the list, what is added before it."""
    server, host = paged

    def add(there: PagedServer) -> None:
        there.things.insert(0, {"id": f"t{-len(there.asked)}", "colour": "red"})

    def add_and_delete(there: PagedServer) -> None:
        add(there)
        del there.things[1]

    server.fill(8)
    server.between = add_and_delete if server.style.keyed else add
    assert walked(host, server.style, 3) == " ".join(f"t{n}" for n in range(1, 9))


def test_an_api_that_never_moves_on_is_an_error(paged: tuple[PagedServer, Host]) -> None:
    """The same page for ever is told as what it is, by the name of the list."""
    server, host = paged
    server.fill(8)
    first: list[Any] = []

    def stuck(things: Any, asked: dict[str, Any], here: str) -> Any:
        first.append(first[0] if first else server_style.serve(things, asked, here))
        assert len(first) < 50
        return first[0]

    server_style = server.style
    server.style = server_style._replace(serve=stuck)
    error = host.run_source("for thing in x.things.list{}:each() do end").error
    assert error is not None
    assert (error.kind, "x.things.list" in error.message) == ("unexpected", True), error.message


def told(answers: list[Any], code: str) -> Any:
    """What a script gives or fails with, of a list by token whose server answers so, one after the other."""
    server = PagedServer(STYLES["meta.next"])
    server.style = server.style._replace(serve=lambda *_: (answers.pop(0), {}))
    with Host(apis={"x": document(server.style, server.url)}) as host:
        result = host.run_source(code)
    server.close()
    return result.value if result.error is None else (result.error.kind, result.error.message)


def test_a_list_that_is_left_out_is_empty() -> None:
    """Or null: some APIs say so that there is nothing, also in the midst; another value is an error."""
    code = "local ids = {} for thing in x.things.list{}:each() do ids[#ids + 1] = thing.id end return ids"
    one = {"data": [{"id": "t1"}]}
    assert not told([{"meta": {}}], code)
    assert not told([{"data": None}], code)
    assert list(told([{"meta": {"next": "a"}}, {**one, "meta": {"next": "b"}}, {"meta": {}}], code)) == ["t1"]
    kind, message = told([{"data": "none"}], code)
    assert kind == "unexpected"
    assert "the answer has no list in .data" in message


@pytest.mark.parametrize(
    ("name", "call"),
    [
        *((name, "x.things.list{}") for name in ("Link", "cursor in a body", "offset, more", "next")),
        *((name, "x.request('GET', '/things')") for name in ("Link", "meta.next")),
    ],
)
def test_a_durable_run_walks_pages_too(name: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a page is, is recorded with it: resumed, the loop goes on without asking again."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    server = PagedServer(STYLES[name])
    server.fill(7)
    script = tmp_path / "walk.lua"
    script.write_text(f"local n = 0 for t in {call}:each() do n = n + 1 if n == 5 then error('stop') end end return n")
    with Host(apis={"x": document(server.style, server.url)}) as host:
        broken = host.run(script, durable=True)
        assert broken.error is not None
        asked = len(server.asked)
        assert asked == 2
        again = host.resume(broken.run_id)
        assert again.error is not None
        assert len(server.asked) == asked
    server.close()


@pytest.mark.parametrize("name", STYLES)
def test_the_simulator_pages_as_the_document_says(name: str) -> None:
    """Things made there are listed in pages of the size asked for, and all once; it needs no server."""
    style = STYLES[name]
    with Host(simulate=True) as host:
        host.add_api("x", document(style, None))
        code = f"""
        local made = {{}}
        for n = 1, 7 do made[n] = x.things.make{{colour = n % 2 == 1 and "red" or "blue"}}.id end
        local page, ids, red = x.things.list{{{style.size} = 3}}, {{}}, 0
        for thing in page:each() do ids[#ids + 1] = thing.id end
        for thing in x.things.list{{{style.size} = 2, colour = "red"}}:each() do
          red = red + 1
          x.things.remove(thing.id)
        end
        return {{#page, table.concat(ids, " ") == table.concat(made, " "), red, #x.things.list{{}}:collect()}}"""
        assert list(host.run_source(code).raise_for_error().value) == [3, True, 4, 3]
