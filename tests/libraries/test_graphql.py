"""graphql: queries to a real server, with and without a schema, and answers of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host import RunResult
from host.errors import ConfigError, InvalidCall
from host.libraries.graphql.library import operation_kind
from host.settings import Settings
from tests.libraries.servers import Serving, WebApp

Script = Callable[..., RunResult]
SDL = Path(__file__).with_name("shop.graphql")
TOKEN = "token-of-the-test-endpoint"
PAGES = """
query ($n: Int!, $after: String) { viewer { login repositories(first: $n, after: $after) {
  nodes { id } pageInfo { hasNextPage endCursor } } } }"""


class GraphqlApp:
    """Ariadne's server behind a check of the token; ``seen`` holds the headers of each request."""

    def __init__(self) -> None:
        from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
        from ariadne.asgi import GraphQL
        from graphql import GraphQLError

        query, mutation, viewer = QueryType(), MutationType(), ObjectType("Viewer")
        self.names = {str(i): f"name {i}" for i in range(1, 8)}
        self.seen: list[dict[str, str]] = []
        self.missing: set[str] = set()  # ids of edges without a node

        def repositories(_: Any, __: Any, first: int, after: str | None = None) -> dict[str, Any]:
            start = int(after or 0)
            items = [{"id": id, "name": name} for id, name in list(self.names.items())[start : start + first]]
            more = start + first < len(self.names)
            info = {"hasNextPage": more, "endCursor": str(start + len(items))}
            edges = [{"node": None if item["id"] in self.missing else item} for item in items]
            return {"nodes": items, "edges": edges, "pageInfo": info}

        def rename(_: Any, __: Any, id: str, name: str) -> dict[str, str]:
            self.names[id] = name
            return {"id": id, "name": name}

        def fail(*_: Any) -> Any:
            raise GraphQLError("not today", extensions={"code": "OUT_OF_STOCK"})

        def product(_: Any, __: Any, id: str) -> dict[str, Any] | None:
            return {"id": id, "name": self.names[id], "price": 2.5} if id in self.names else None

        query.set_field("viewer", lambda *_: {"login": "me"})
        query.set_field("product", product)
        query.set_field("broken", fail)
        query.set_field("half", lambda *_: {"good": 1, "bad": fail})
        viewer.set_field("repositories", repositories)
        mutation.set_field("rename", rename)
        mutation.set_field("refuse", fail)
        self._app = GraphQL(make_executable_schema(SDL.read_text(), query, mutation, viewer))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        self.seen.append(headers)
        if scope["path"] == "/private" and headers.get("authorization") != f"Bearer {TOKEN}":
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": b"<html>who are you?</html>"})
            return
        await self._app({**scope, "path": "/", "raw_path": b"/"}, receive, send)


@pytest.fixture(scope="session")
def _shop() -> Iterator[tuple[Serving, GraphqlApp]]:
    app = GraphqlApp()
    server = Serving(app)
    yield server, app
    server.close()


@pytest.fixture
def shop(_shop: tuple[Serving, GraphqlApp]) -> GraphqlApp:
    _shop[1].seen.clear()
    _shop[1].names.update({str(i): f"name {i}" for i in range(1, 8)})
    return _shop[1]


@pytest.fixture
def ask(script: Script, _shop: tuple[Serving, GraphqlApp], shop: GraphqlApp) -> Script:
    """``script`` with the server's address as ``url``, the server granted, and the endpoint configured."""
    server = _shop[0]

    def run(code: str, schema: str | None = None, **options: Any) -> RunResult:
        endpoint = {"graphql_endpoint": f"{server.base}/private", "graphql_token": TOKEN}
        if schema is not None:
            endpoint["graphql_schema"] = schema
        given = {"url": f"{server.base}/", **options.pop("globals", {})}
        return script(code, host=endpoint, globals=given, **{"net": f"127.0.0.1:{server.port}", **options})

    return run


def error_of(result: RunResult) -> Any:
    assert result.error is not None, result.value
    return result.error


def test_the_configured_endpoint_needs_no_grant(ask: Script, shop: GraphqlApp) -> None:
    """graphql_query asks the endpoint of the settings, with its token, and gives data."""
    query = "query ($id: ID!) { product(id: $id) { name price } }"
    code = f'local data, errors = graphql_query("{query}", {{id="2"}})\n'
    value = ask(code + "return {data, errors == nil, tostring(data) ~= nil}", net=None).value
    assert value == [{"product": {"name": "name 2", "price": 2.5}}, True, True]
    assert shop.seen[0]["authorization"] == f"Bearer {TOKEN}"


def test_a_client_of_its_own_endpoint(ask: Script, shop: GraphqlApp) -> None:
    """graphql{url=…, headers=…} queries and mutates; the configured token does not go along."""
    code = """
    local shop = graphql{url=url, headers={["X-Who"]="me"}}
    local done = shop:mutate("mutation($n: String!) { rename(id: 1, name: $n) { name } }", {n="new"})
    return {done.rename.name, shop:query("{ product(id: 1) { name } }").product.name}
    """
    assert ask(code).value == ["new", "new"]
    assert shop.seen[0]["x-who"] == "me"
    assert "authorization" not in shop.seen[0]


def test_partial_data_comes_with_its_errors(ask: Script) -> None:
    """Data and errors both come back when there is some of each."""
    code = """
    local data, errors = graphql_query("{ half { good bad } }")
    return {data.half.good, errors[1].message, errors[1].extensions.code, errors[1].path}
    """
    assert ask(code).value == [1, "not today", "OUT_OF_STOCK", ["half", "bad"]]


def test_no_data_is_an_error_with_its_code(ask: Script) -> None:
    """Where there is no data the first error is raised, with its code, and all of them as errors."""
    code = """
    local _, e = try(graphql_query, "{ broken }")
    local _, m = try(graphql_query, "mutation { refuse { id } }")
    local _, r = try(graphql_query, "mutation { refuse { idd } }")
    return {e.kind, e.code, e.type, e.message, e.errors[1].message, e.outcome or "none", m.outcome, r.outcome}
    """
    kind, code_, type_, message, first, outcome, unknown, rejected = ask(code).value
    assert (kind, code_, type_, first) == ("api", "OUT_OF_STOCK", "graphql", "not today")
    assert message == "not today (at broken)"
    assert (outcome, unknown, rejected) == ("none", "unknown", "rejected")


def test_faults_the_server_finds_are_reported(ask: Script) -> None:
    """Without a schema the server checks: its refusal is kind api, with its status."""
    error = error_of(ask("graphql_query('{ viewer { logn } }')", check=False))
    assert error.kind == "api"
    assert error.facts["status"] == 400
    assert "logn" in error.message


def test_answers_that_are_not_graphql(script: Script, web: Serving, app: WebApp, ask: Script) -> None:
    """HTML, JSON of another form, a 500 with text: kind unexpected, with status and what came."""
    error = error_of(ask("graphql{url=(url:gsub('/$', '/private'))}:query('{ viewer { login } }')", check=False))
    assert (error.kind, error.facts["status"]) == ("unexpected", 401)
    assert "text/html" in error.message
    code = f"graphql{{url='{web.base}/status?code=403'}}:mutate('mutation {{ x }}')"
    error = error_of(script(code, net="127.0.0.1", check=False))
    assert (error.kind, error.facts["status"], error.facts["outcome"]) == ("unexpected", 403, "rejected")
    assert len(app.seen) == 1


@pytest.mark.parametrize("schema", [str(SDL), "introspect"])
def test_with_a_schema_a_query_is_checked_before_it_is_sent(ask: Script, shop: GraphqlApp, schema: str) -> None:
    """Unknown fields come with the nearest name, variables are typed; nothing wrong is sent."""
    ask("graphql_query('{ viewer { login } }')", schema=schema)
    sent = len(shop.seen)
    assert sent == (2 if schema == "introspect" else 1)
    for call, words in (
        ("'{ viewer { logn } }'", "Did you mean 'login'"),
        ("'query($id: ID!) { product(id: $id) { name } }', {}", "$id"),
        ("'query($n: Int!) { viewer { repositories(first: $n) { nodes { id } } } }', {n='x'}", "$n"),
        ("'{ viewer { login }'", "Syntax Error"),
        ("'{ viewer { login } }', {x=1}", "declares no variable $x"),
    ):
        error = error_of(ask(f"graphql_query({call})", schema=schema, check=False))
        assert error.kind == "invalid", call
        assert words in error.message, call
    assert len(shop.seen) == sent


def test_a_scripts_own_schema_file_must_be_granted(ask: Script) -> None:
    """schema=path is read under the script's grants; schema=true asks the server."""
    code = "graphql{url=url, schema=path}:query('{ viewer { logn } }')"
    assert error_of(ask(code, globals={"path": str(SDL)}, check=False)).kind == "denied"
    assert error_of(ask(code, globals={"path": str(SDL)}, read=SDL, check=False)).kind == "invalid"
    code = "graphql{url=url, schema=true}:query('{ viewer { logn } }')"
    assert "Did you mean" in error_of(ask(code, check=False)).message


def test_each_goes_through_all_pages(ask: Script) -> None:
    """each(path) asks for further pages with the end cursor, through nodes or edges."""
    edges = PAGES.replace("nodes { id }", "edges { node { id } }").replace("$after", "$from")
    code = """
    local ids = {}
    for repo in graphql_query(pages, {n=3}):each("viewer.repositories") do ids[#ids + 1] = repo.id end
    local shop = graphql{url=url}
    local answer = shop:query(edges, {n=4})
    for repo in answer:each("viewer.repositories", {cursor="from"}) do ids[#ids + 1] = repo.id end
    return table.concat(ids)
    """
    assert ask(code, globals={"pages": PAGES, "edges": edges}).value == "12345671234567"


def test_an_edge_without_its_node_ends_no_page(ask: Script, shop: GraphqlApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is json.null in its place, and the nodes after it follow."""
    monkeypatch.setattr(shop, "missing", {"2"})  # one server serves all tests
    edges = PAGES.replace("nodes { id }", "edges { node { id } }")
    code = """
    local found = {}
    for repo in graphql_query(edges, {n=4}):each("viewer.repositories") do
      found[#found + 1] = repo == json.null and "-" or repo.id
    end
    return table.concat(found)
    """
    assert ask(code, globals={"edges": edges}).value == "1-34567"


@pytest.mark.parametrize("seconds", ["0", "-1", "0/0", "1/0", "86401", "'5'", "true"])
def test_a_timeout_that_cannot_be_is_refused(ask: Script, seconds: str) -> None:
    """None of them is sent, whatever a comparison with it gives."""
    error = error_of(ask(f"return graphql_query('{{ a }}', {{}}, {{timeout = {seconds}}})", check=False))
    assert (error.kind, "timeout" in error.message) == ("invalid", True), error.message


@pytest.mark.parametrize(
    ("query", "path", "words"),
    [
        ("{ viewer { repositories(first: 2) { nodes { id } } } }", "viewer.repositories", "no pageInfo"),
        (
            "{ viewer { repositories(first: 2) { pageInfo { hasNextPage } } } }",
            "viewer.repositories",
            "nodes",
        ),
        (PAGES.replace("$after", "$from"), "viewer.repositories", "no variable $after"),
        (PAGES, "viewer.repos", "nothing at viewer.repos"),
    ],
)
def test_each_says_what_the_query_must_select(ask: Script, query: str, path: str, words: str) -> None:
    """What pages need and the query does not ask for is named."""
    code = "for _ in graphql_query(query, {n=2}):each(path) do end"
    if "$n" not in query:
        code = code.replace(", {n=2}", "")
    error = error_of(ask(code, globals={"query": query, "path": path}, check=False))
    assert error.kind == "invalid"
    assert words in error.message


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("graphql{url=url}:query('mutation { refuse { id } }')", "invalid"),
        ("graphql{url=url}:mutate('{ viewer { login } }')", "invalid"),
        ("graphql_query('subscription { x }')", "invalid"),
        ("graphql_query('')", "invalid"),
        ("graphql_query('{ a }', 5)", "invalid"),
        ("graphql_query('{ a }', {x=STRIPE_API_KEY})", "invalid"),
        ("graphql{url=url, header={}}:query('{ a }')", "invalid"),
        ("graphql{url='nowhere'}:query('{ a }')", "invalid"),
        ("graphql{url='http://example.com/'}:query('{ a }')", "denied"),
    ],
)
def test_what_is_wrong_is_refused_before_it_is_sent(ask: Script, shop: GraphqlApp, call: str, kind: str) -> None:
    """Mutations are sent as such, options and addresses are checked."""
    assert error_of(ask(call, check=False)).kind == kind
    assert shop.seen == []


def test_without_an_endpoint_the_error_names_the_setting(script: Script) -> None:
    """graphql_query is there, and says what is missing."""
    error = error_of(script("graphql_query('{ a }')", check=False))
    assert error.kind == "denied"
    assert "GRAPHQL_ENDPOINT" in error.hint


def test_read_only_permissions_allow_queries(ask: Script, shop: GraphqlApp) -> None:
    """--read-only refuses mutations, which a query's text is looked at for."""
    assert ask("return graphql_query('{ viewer { login } }').viewer.login", read_only=True).value == "me"
    assert error_of(ask("graphql_query('mutation { refuse { id } }')", read_only=True, check=False)).kind == "denied"
    assert len(shop.seen) == 1


@pytest.mark.parametrize(
    ("query", "operation", "kind"),
    [
        ("{ a }", None, "query"),
        ("query Q { mutation }", None, "query"),
        ("mutation { a }", None, "mutation"),
        ('# query\nmutation M($a: String = "{ query") @x { a }', None, "mutation"),
        ("fragment mutation on Query { a } { ...mutation }", None, "query"),
        ('query A { a(x: """mutation { """) } mutation B { b }', None, "mutation"),
        ("query A { a } mutation B { b }", "A", "query"),
        ("query A { a } mutation B { b }", "B", "mutation"),
        ("subscription { a }", None, "subscription"),
    ],
)
def test_what_a_document_does_is_read_from_it(query: str, operation: str | None, kind: str) -> None:
    """Strings, comments and names do not mislead."""
    assert operation_kind(query, operation) == kind


def test_a_token_goes_only_where_its_source_says() -> None:
    """An endpoint of one source is never used with a token of another, nor over plain http elsewhere."""
    environ = {"GRAPHQL_TOKEN": TOKEN}
    with pytest.raises(ConfigError, match="same source"):
        Settings.load(environ=environ, overrides={"graphql_endpoint": "https://x.example/"}, cwd="/nowhere")
    with pytest.raises(ConfigError, match="plain http"):
        Settings.load(environ={**environ, "GRAPHQL_ENDPOINT": "http://x.example/"}, cwd="/nowhere")
    with pytest.raises(ConfigError, match="user name"):
        Settings.load(environ={"GRAPHQL_ENDPOINT": "https://a:b@x.example/"}, cwd="/nowhere")
    assert TOKEN not in repr(Settings.load(environ={**environ, "GRAPHQL_ENDPOINT": "https://x.example/"}))


@pytest.mark.parametrize(
    "text", ["type {", "", "scalar X", "type Query { a: Nope }", "type Query { a: " + "[" * 5000, "\0"]
)
def test_a_schema_that_is_none(text: str) -> None:
    """It is refused by its name, whatever is wrong with it, before any query is checked."""
    from host.libraries.graphql.schema import SchemaCheck

    with pytest.raises(InvalidCall, match=r"the schema x\.graphql cannot be read"):
        SchemaCheck.of_sdl(text, "x.graphql")
