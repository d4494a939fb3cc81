"""Pages of every API's lists: the items themselves, walked whole whatever the script does, never cut in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from host import Host, RunResult, ScriptError

BASE = "https://things.test"
THING = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
MANY = {"type": "array", "items": THING}
TEXT = {"type": "string"}
SIZE = 3

# style → the parameters it pages by, the answer's schema
STYLES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "cursor": (
        {"limit": "integer", "starting_after": "string"},
        {"data": MANY, "has_more": {"type": "boolean"}},
    ),
    "token": ({"pageToken": "string"}, {"values": MANY, "nextPageToken": TEXT}),
    "nested_token": ({"cursor": "string"}, {"data": MANY, "meta": {"properties": {"next_cursor": TEXT}}}),
    "link": ({"offset": "integer"}, {"results": MANY, "next": TEXT}),
    "nested_link": ({"offset": "integer"}, {"data": MANY, "links": {"properties": {"next": TEXT}}}),
    "number": ({"page": "integer", "per_page": "integer"}, {"items": MANY, "page": {"type": "integer"}}),
    "bare_number": ({"page": "integer", "per_page": "integer"}, {}),
}


def document(style: str) -> dict[str, Any]:
    params, members = STYLES[style]
    query = [{"name": name, "in": "query", "schema": {"type": kind}} for name, kind in params.items()]
    result = {"type": "object", "properties": members} if members else MANY

    def answer(schema: dict[str, Any]) -> dict[str, Any]:
        return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}

    one = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    return {
        "openapi": "3.0.3",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": BASE}],
        "paths": {
            "/things": {"get": {"operationId": "things.list", "parameters": query, "responses": answer(result)}},
            "/things/{id}": {
                "parameters": one,
                "get": {"operationId": "things.retrieve", "responses": answer(THING)},
                "delete": {"operationId": "things.delete", "responses": {"204": {"description": ""}}},
            },
        },
    }


class Server:
    """Things, paged in a style by what is there at the moment of the request."""

    def __init__(self, style: str, count: int) -> None:
        self.style = style
        self.things = [{"id": f"t{n}", "name": f"n{n}"} for n in range(1, count + 1)]
        self.listed = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = urlsplit(str(request.url)).path
        if request.method == "DELETE":
            before = len(self.things)
            self.things = [each for each in self.things if each["id"] != path.rpartition("/")[2]]
            return httpx.Response(204 if len(self.things) < before else 404, json=None)
        self.listed += 1
        asked = {k: v[-1] for k, v in parse_qs(urlsplit(str(request.url)).query).items()}
        status, body = getattr(self, self.style)(asked)
        return httpx.Response(status, json=body)

    def part(self, start: int, size: int = SIZE) -> tuple[list[dict[str, str]], int | None]:
        return self.things[start : start + size], start + size if start + size < len(self.things) else None

    def cursor(self, asked: dict[str, str]) -> tuple[int, Any]:
        ids, after = [each["id"] for each in self.things], asked.get("starting_after")
        if after and after not in ids:
            return 400, {"error": {"message": f"No such thing: {after}", "param": "starting_after"}}
        items, more = self.part(ids.index(after) + 1 if after else 0, int(asked.get("limit", SIZE)))
        return 200, {"data": items, "has_more": more is not None}

    def after(self, mark: str) -> tuple[list[dict[str, str]], str]:
        """By a cursor that stands for the last id given out, whether that is still there or not."""
        left = [each for each in self.things if int(each["id"][1:]) > int(mark or "0")]
        return left[:SIZE], left[SIZE - 1]["id"][1:] if len(left) > SIZE else ""

    def token(self, asked: dict[str, str]) -> tuple[int, Any]:
        items, mark = self.after(asked.get("pageToken", ""))
        return 200, {"values": items, **({"nextPageToken": mark} if mark else {})}

    def nested_token(self, asked: dict[str, str]) -> tuple[int, Any]:
        items, mark = self.after(asked.get("cursor", ""))
        return 200, {"data": items, "meta": {"next_cursor": mark or None}}

    def link(self, asked: dict[str, str]) -> tuple[int, Any]:
        items, following = self.part(int(asked.get("offset", 0)))
        return 200, {"results": items, "next": following and f"{BASE}/things?offset={following}"}

    def nested_link(self, asked: dict[str, str]) -> tuple[int, Any]:
        items, following = self.part(int(asked.get("offset", 0)))
        return 200, {"data": items, "links": {"next": following and f"/things?offset={following}"}}

    def number(self, asked: dict[str, str]) -> tuple[int, Any]:
        page, size = int(asked.get("page", 1)), int(asked.get("per_page", SIZE))
        return 200, {"items": self.part((page - 1) * size, size)[0], "page": page}

    def bare_number(self, asked: dict[str, str]) -> tuple[int, Any]:
        status, body = self.number(asked)
        return status, body["items"]


Start = Callable[..., tuple[Server, Callable[[str], RunResult]]]


@pytest.fixture
def start(httpx_mock: Any) -> Iterator[Start]:
    """``start(style, count)``: a server, and what runs a script against it."""
    hosts: list[Host] = []

    def begin(style: str, count: int = 8) -> tuple[Server, Callable[[str], RunResult]]:
        server = Server(style, count)
        httpx_mock.add_callback(server, is_reusable=True, is_optional=True)
        host = Host(apis={"x": document(style)})
        hosts.append(host)
        return server, host.run_source

    yield begin
    for host in hosts:
        host.close()


def value(result: RunResult) -> Any:
    return result.raise_for_error().value


@pytest.mark.parametrize("style", STYLES)
def test_a_page_is_the_list_of_its_items(start: Start, style: str) -> None:
    """By length, index, ipairs, pairs, next, map and unpack, in every style."""
    _, run = start(style)
    code = """
    local page = x.things.list{}
    local by_ipairs, by_pairs = {}, {}
    for _, t in ipairs(page) do table.insert(by_ipairs, t.id) end
    for _, t in pairs(page) do table.insert(by_pairs, t.id) end
    local mapped, second = table.concat(map(page, function(t) return t.id end), " "), select(2, unpack(page))
    return {#page, page[1].id, by_ipairs, by_pairs, mapped, second.id, next(page) ~= nil, type(page)}"""
    three = ["t1", "t2", "t3"]
    assert value(run(code)) == [3, "t1", three, three, "t1 t2 t3", "t2", True, "table"]


@pytest.mark.parametrize("style", STYLES)
def test_a_list_without_items_is_empty_in_every_way(start: Start, style: str) -> None:
    """``next(page) == nil`` as well as ``#page == 0``."""
    _, run = start(style, 0)
    assert value(run("local page = x.things.list{} return {#page, next(page) == nil, #page:collect()}")) == [0, True, 0]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 8, 9])
def test_each_and_collect_give_every_item_once(start: Start, style: str, count: int) -> None:
    """Whatever the number of items is to the size of a page."""
    _, run = start(style, count)
    code = """
    local ids, all = {}, {}
    for t in x.things.list{}:each() do table.insert(ids, t.id) end
    for _, t in ipairs(x.things.list{}:collect()) do table.insert(all, t.id) end
    return {ids, all, table.concat(ids, " ")}"""
    wanted = " ".join(f"t{n}" for n in range(1, count + 1))
    ids, every, text = value(run(code))
    assert text == wanted
    assert list(ids) == list(every) == wanted.split()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("condition", ["true", "t.id ~= 't3'", "tonumber(t.id:sub(2)) % 2 == 0", "t.id == 't1'"])
def test_deleting_what_each_hands_out_skips_nothing(start: Start, style: str, condition: str) -> None:
    """All, all but a page's last, every other one, the first alone: each thing is handed out once."""
    server, run = start(style, 8)
    code = f"""
    local ids = {{}}
    for t in x.things.list{{}}:each() do
      table.insert(ids, t.id)
      if {condition} then x.things.delete(t.id) end
    end
    return table.concat(ids, " ")"""
    assert value(run(code)) == " ".join(f"t{n}" for n in range(1, 9))
    if condition == "true":
        assert server.things == []


@pytest.mark.parametrize("style", STYLES)
def test_no_page_is_asked_for_twice_where_nothing_was_called_meanwhile(start: Start, style: str) -> None:
    """Eight things in pages of three are three requests; of numbers a last, short page tells the end."""
    server, run = start(style)
    value(run("for t in x.things.list{}:each() do end"))
    assert server.listed == (4 if "number" in style else 3)
    server.listed = 0
    value(run("for t in x.things.list{}:each() do if t.id == 't2' then break end end"))
    assert server.listed == 1


def failure(result: RunResult) -> ScriptError:
    assert result.error is not None
    return result.error


@pytest.mark.parametrize("style", [style for style in STYLES if style != "cursor"])
def test_an_api_that_repeats_a_page_is_an_error(start: Start, style: str) -> None:
    """A cursor that leads back, or a number that is ignored, would make a loop without end."""
    server, run = start(style, 8)
    whole = getattr(server, style)

    def around(asked: dict[str, str]) -> tuple[int, Any]:
        """The second page leads to the first; of numbers, every page is the first."""
        if style in ("token", "nested_token"):
            name = "pageToken" if style == "token" else "cursor"
            status, body = whole({} if asked.get(name) == "6" else asked)
            return status, body
        return whole({} if asked.get("offset") == "6" or "number" in style else asked)  # type: ignore[no-any-return]

    setattr(server, style, around)
    error = failure(
        run("local n = 0 for t in x.things.list{}:each() do n = n + 1 if n > 100 then error('no end') end end")
    )
    assert error.kind == "unexpected"
    assert "the API" in error.message


def test_a_cursor_that_leads_in_a_circle_is_an_error(start: Start) -> None:
    """Also over several pages."""
    server, run = start("cursor", 6)
    whole = server.cursor
    server.cursor = lambda asked: (
        200,
        {**whole({"limit": "3"} if asked.get("starting_after") == "t6" else asked)[1], "has_more": True},
    )  # type: ignore[method-assign]
    error = failure(
        run("local n = 0 for t in x.things.list{}:each() do n = n + 1 if n > 100 then error('no end') end end")
    )
    assert error.kind == "unexpected"
    assert "repeats a page it gave before" in error.message


def test_a_page_that_fails_ends_the_loop_after_the_items_before_it(start: Start) -> None:
    """The last item of the page before is handed out all the same."""
    server, run = start("cursor", 5)
    whole = server.cursor
    server.cursor = lambda asked: whole(asked) if "starting_after" not in asked else (400, {"error": {"message": "no"}})  # type: ignore[method-assign]
    code = """
    local n = 0
    local ok, e = pcall(function() for t in x.things.list{}:each() do n = n + 1 end end)
    return {n, e.status}"""
    assert value(run(code)) == [3, 400]


def test_collect_is_never_cut(start: Start) -> None:
    """More than it may take is an error that says so; the number itself is checked."""
    _, run = start("token", 8)
    assert len(value(run("return x.things.list{}:collect(8)"))) == 8
    error = failure(run("return x.things.list{}:collect(7)"))
    assert (error.kind, "more than 7 items" in error.message) == ("limit", True)
    for bad in ("0", "-1", "1.5", "'x'", "{}"):
        assert "whole number of items" in failure(run(f"return x.things.list{{}}:collect({bad})")).message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("for t in x.things.list{} do end", "in page:each()"),
        ("x.things.list{}.each()", "with a colon"),
        ("x.things.list{}.collect()", "with a colon"),
        ("x.things.list{}()", "in page:each()"),
    ],
)
def test_what_a_page_cannot_do_leads_to_what_it_can(start: Start, code: str, said: str) -> None:
    """At the script's line."""
    _, run = start("number")
    error = failure(run(code))
    assert said in error.message
    assert error.line == 1


def test_a_page_is_shown_and_sent_whole() -> None:
    """To JSON, to Python and as text it is the answer as it came, an empty one too."""
    with Host(simulate=True) as host:
        code = """
        new_product():name("a"):create()
        local page = stripe.products.list{limit = 1}
        local again = json.decode(json.encode(page))
        local empty = json.encode(stripe.customers.list{})
        return {page, again.object, #again.data, empty, tostring(page):find("has_more") ~= nil}"""
        page, *rest = value(host.run_source(code))
        assert (page["object"], len(page["data"]), page["has_more"]) == ("list", 1, False)
        empty = rest.pop(2)
        assert rest == ["list", 1, True]
        assert '"data":[]' in empty


def test_a_list_inside_an_answer_is_a_page_too() -> None:
    """Of an operation, of a builder's data, and of an item of a list."""
    with Host(simulate=True) as host:
        code = """
        local price = new_price():currency("usd"):amount(100):recurring("month"):product_data{name = "P"}:create()
        local b = new_subscription():customer(new_customer():create()):add_price(price):trial_days(3)
        b:create()
        local found = stripe.subscriptions.retrieve(b.id)
        local items = stripe.subscriptions.list{}[1].items
        return {#b.data.items, #found.items, #items, items[1].price.id == price, #items:collect()}"""
        assert value(host.run_source(code)) == [1, 1, 1, True, 1]


def test_what_is_no_answer_of_an_api_stays_as_it_is() -> None:
    """JSON that a script reads is a table of its own members, whatever it looks like."""
    with Host(simulate=True) as host:
        code = """local t, n = json.decode('{"object": "list", "data": [1, 2]}'), 0
        for _ in pairs(t) do n = n + 1 end return {n, #t, t.each == nil}"""
        assert value(host.run_source(code)) == [2, 0, True]


def test_a_page_may_be_changed_like_any_table() -> None:
    """Its metatable stays not available."""
    with Host(simulate=True) as host:
        code = """
        new_product():name("a"):create()
        local page = stripe.products.list{}
        page.data = {}
        page.mine = 1
        local n = 0
        for _ in page:each() do n = n + 1 end
        return {n, page.mine, json.decode(json.encode(page)).mine, getmetatable(page) == nil}"""
        assert value(host.run_source(code)) == [0, 1, 1, True]


def test_a_list_whose_pages_nobody_describes_has_its_items_and_says_so() -> None:
    """``each()`` would be cut in silence."""
    plain = document("bare_number")
    plain["paths"]["/things"]["get"]["parameters"] = []
    with Host(simulate=True) as host:
        host.add_api("x", plain)
        result = host.run_source("local page = x.things.list{} return #page")
        assert value(result) == 0
        error = failure(host.run_source("for t in x.things.list{}:each() do end"))
        assert "how its pages follow each other is not known" in error.message
        assert "the list itself" in error.message
