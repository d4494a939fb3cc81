"""Other APIs by their documents: words for scripts, keys on the wire, tokens, settings, the simulator."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pytest_httpx import HTTPXMock

from host import CatalogError, ConfigError, Host, UsageError
from host.apis.api import OAuth2

BASE = "https://pets.example/v1"
KEYED = {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}


def document(schemes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    schemes = KEYED if schemes is None else schemes
    pet = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "name": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}
    ids = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
    one, many = {"200": body}, {"200": {"content": {"application/json": {"schema": {
        "type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}  # fmt: skip
    return {
        "openapi": "3.0.3",
        "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": BASE}],
        "security": [{name: [] for name in schemes}] if schemes else [],
        "paths": {
            "/pets": {
                "get": {"responses": many},
                "post": {"requestBody": body, "responses": one},
            },
            "/pets/{id}": {
                "parameters": ids,
                "get": {"responses": one},
                "delete": {"responses": {"204": {}}},
            },
            "/health": {"get": {"security": [], "responses": {"200": {"content": {"application/json": {}}}}}},
        },
        "components": {"schemas": {"Pet": pet}, "securitySchemes": schemes},
        **more,
    }


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def real() -> Host:
    return Host(stripe_secret_key="sk_test_1")


def call(host: Host, code: str) -> Any:
    return host.run_source(code).raise_for_error().value


def test_an_added_api_is_simulated_with_no_code(tmp_path: Path) -> None:
    """Builder, namespace, checks and a stateful simulator from nothing but the document."""
    file = tmp_path / "pets.json"
    file.write_text(json.dumps(document()))
    with Host(simulate=True) as host:
        catalog = host.add_api("petstore", file)
        assert catalog.warnings == ()
        code = """local pet = petstore.new_pet():name("Rex"):add_tag("good")
        pet:create()
        local same = petstore.pets.retrieve(pet.id)
        local n = #petstore.pets.list()
        petstore.pets.delete(pet.id)
        return {same.name, same.tags[1], n, #petstore.pets.list(), petstore.health.retrieve() ~= nil}"""
        assert call(host, code) == ["Rex", "good", 1, 0, True]
        error = host.run_source('petstore.new_pet():nam("Rex")').error
        assert error is not None
        assert 'did you mean "name"' in error.message
        assert host.registry.make_request("petstore:pets", "GET") == []


SCHEMES = [
    ({"type": "apiKey", "in": "header", "name": "X-Key"}, "k1", ("X-Key", "k1")),
    ({"type": "apiKey", "in": "cookie", "name": "sid"}, "k1", ("Cookie", "sid=k1")),
    ({"type": "http", "scheme": "bearer"}, "k1", ("Authorization", "Bearer k1")),
    (
        {"type": "http", "scheme": "basic"},
        ("u", "p"),
        ("Authorization", f"Basic {b64encode(b'u:p').decode()}"),
    ),
    ({"type": "http", "scheme": "basic"}, "u:p", ("Authorization", f"Basic {b64encode(b'u:p').decode()}")),
]


@pytest.mark.parametrize(("scheme", "auth", "header"), SCHEMES)
def test_the_key_goes_as_the_scheme_says(
    httpx_mock: HTTPXMock, scheme: dict[str, str], auth: Any, header: tuple[str, str]
) -> None:
    """Header, cookie, bearer, basic: on what needs it, and not on what says it needs none."""
    httpx_mock.add_response(url=f"{BASE}/pets", json=[])
    httpx_mock.add_response(url=f"{BASE}/health", json={"ok": True})
    with real() as host:
        host.add_api("petstore", document({"key": scheme}), auth=auth)
        call(host, "petstore.pets.list() petstore.health.retrieve()")
    pets, health = httpx_mock.get_requests()
    assert pets.headers[header[0]] == header[1]
    assert header[0] not in health.headers


def test_a_key_in_the_query(httpx_mock: HTTPXMock) -> None:
    """It is appended to the URL on the wire, and is in no message."""
    httpx_mock.add_response(url=f"{BASE}/pets?api_key=k1-secret", status_code=418, text="k1-secret?")
    with real() as host:
        host.add_api(
            "petstore",
            document({"key": {"type": "apiKey", "in": "query", "name": "api_key"}}),
            auth="k1-secret",
        )
        error = host.run_source("petstore.pets.list()").error
    assert error is not None
    assert "k1-secret" not in f"{error} {error.facts} {error.traceback}"


def test_two_keys_at_once_by_scheme(httpx_mock: HTTPXMock) -> None:
    """A security requirement of two schemes sends both."""
    schemes = {
        "api": {"type": "apiKey", "in": "header", "name": "A"},
        "app": {"type": "apiKey", "in": "header", "name": "B"},
    }
    httpx_mock.add_response(json=[])
    with real() as host:
        host.add_api("petstore", document(schemes), auth={"api": "1-a", "app": "2-b"})
        call(host, "petstore.pets.list()")
        with pytest.raises(UsageError, match="no security scheme 'apq'; it has api, app"):
            host.add_api("other", document(schemes), auth={"apq": "x"})
    sent = httpx_mock.get_requests()[0]
    assert (sent.headers["A"], sent.headers["B"]) == ("1-a", "2-b")


def test_a_missing_key_is_reported_before_anything_is_sent() -> None:
    """The message names the setting."""
    with real() as host:
        host.add_api("petstore", document())
        error = host.run_source('petstore.new_pet():name("x"):create()').error
    assert error is not None
    assert (error.kind, error.facts["outcome"]) == ("denied", "not_sent")
    assert error.hint == "Set PETSTORE_API_KEY."


def test_a_document_without_schemes_gets_a_bearer_key(httpx_mock: HTTPXMock) -> None:
    """Where the document does not say how, the key goes as nearly everywhere."""
    httpx_mock.add_response(json=[])
    with real() as host:
        host.add_api("petstore", document({}), auth="abcdef")
        call(host, "petstore.pets.list()")
    assert httpx_mock.get_requests()[0].headers["Authorization"] == "Bearer abcdef"


def test_a_document_without_schemes_can_have_its_headers_named(httpx_mock: HTTPXMock) -> None:
    """A mapping then gives headers, as Anthropic's API needs one."""
    httpx_mock.add_response(json=[])
    with real() as host:
        host.add_api("petstore", document({}), auth={"x-api-key": "abcdef"})
        call(host, "petstore.pets.list()")
        with pytest.raises(UsageError, match="is not a header's name"):
            host.add_api("other", document({}), auth={"x: y": "z"})
    assert httpx_mock.get_requests()[0].headers["X-Api-Key"] == "abcdef"


def test_settings_give_key_and_base(httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """PETSTORE_API_KEY and PETSTORE_API_BASE; together only from the same source."""
    httpx_mock.add_response(url="https://other.example/pets", json=[])
    monkeypatch.setenv("PETSTORE_API_KEY", "from-env")
    monkeypatch.setenv("PETSTORE_API_BASE", "https://other.example/")
    monkeypatch.setenv("PETS_API_KEY", "from-env")
    with real() as host:
        host.add_api("petstore", document())
        call(host, "petstore.pets.list()")
        with pytest.raises(ConfigError, match="only with a key from the same source") as caught:
            host.add_api("pets", document(), base_url="https://evil.example", auth=None)
    assert httpx_mock.get_requests()[0].headers["X-Key"] == "from-env"
    assert "from-env" not in str(caught.value)


def test_one_key_for_one_scheme_by_settings(httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """NAME_API_KEY_SCHEME sets the key of that scheme."""
    schemes = {
        "api-key": {"type": "apiKey", "in": "header", "name": "A"},
        "app": {"type": "apiKey", "in": "header", "name": "B"},
    }
    httpx_mock.add_response(json=[])
    monkeypatch.setenv("PETSTORE_API_KEY_API_KEY", "1-a")
    monkeypatch.setenv("PETSTORE_API_KEY_APP", "2-b")
    with real() as host:
        host.add_api("petstore", document(schemes))
        call(host, "petstore.pets.list()")
    sent = httpx_mock.get_requests()[0]
    assert (sent.headers["A"], sent.headers["B"]) == ("1-a", "2-b")


@pytest.mark.parametrize("name", ["stripe", "print", "new_product", "end", "a-b", "http"])
def test_names_that_are_taken_or_no_names(name: str) -> None:
    """Stripe is there already, and no API replaces what scripts know."""
    with Host(simulate=True) as host, pytest.raises((UsageError, CatalogError)):
        host.add_api(name, document())


def test_a_host_for_another_api_needs_no_stripe_key(httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host(apis=…) opens without Stripe's key; calls to Stripe then say what is missing."""
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    httpx_mock.add_response(json=[])
    with Host(apis={"petstore": document({})}) as host:
        assert call(host, "return petstore.pets.list()") == []
        error = host.run_source('new_product():name("x"):create()').error
    assert error is not None
    assert (error.kind, error.facts["outcome"]) == ("denied", "not_sent")
    assert "STRIPE_SECRET_KEY is not set" in error.message


TOKEN_URL = "https://login.example/token"
OAUTH = {"login": {"type": "oauth2", "flows": {"clientCredentials": {
    "tokenUrl": TOKEN_URL, "scopes": {"pets": "all"}}}}}  # fmt: skip


class Server:
    """Gives numbered tokens, and accepts those from ``valid`` on."""

    def __init__(self, *, seconds: int = 3600) -> None:
        self.made = 0
        self.valid = 1
        self.seconds = seconds
        self.seen: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if str(request.url) == TOKEN_URL:
            self.made += 1
            self.seen.append(request)
            body = {
                "access_token": f"tok-{self.made}-abcdef",
                "token_type": "Bearer",
                "expires_in": self.seconds,
            }
            return httpx.Response(200, json=body)
        number = int(request.headers["Authorization"].split("-")[1])
        if number < self.valid:
            return httpx.Response(401, json={"error": {"message": request.headers["Authorization"]}})
        return httpx.Response(200, json=[])


def test_tokens_are_fetched_once_and_kept(httpx_mock: HTTPXMock) -> None:
    """Fifty calls at once share one token; id and secret go to the token URL alone."""
    server = Server()
    httpx_mock.add_callback(server, is_reusable=True)
    with real() as host:
        host.add_api("petstore", document(OAUTH), auth=OAuth2("me", "s3cret-value"))  # type: ignore[arg-type]
        call(host, "local l = {} for i = 1, 50 do l[i] = i end map(l, function() petstore.pets.list() end)")
        call(host, "petstore.pets.list()")
    assert server.made == 1
    asked = server.seen[0]
    assert asked.headers["Authorization"] == f"Basic {b64encode(b'me:s3cret-value').decode()}"
    assert parse_qs(asked.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["pets"]}


def test_a_refused_token_is_renewed_once(httpx_mock: HTTPXMock) -> None:
    """After a 401 one new token and one more try; a second 401 is the answer, without the token."""
    server = Server()
    httpx_mock.add_callback(server, is_reusable=True)
    with real() as host:
        host.add_api("petstore", document(OAUTH), auth="me:s3cret-value")
        call(host, "petstore.pets.list()")
        server.valid = 2
        call(host, "petstore.pets.list()")
        assert server.made == 2
        server.valid = 9
        error = host.run_source("petstore.pets.list()").error
    assert error is not None
    assert (error.kind, error.facts["status"], server.made) == ("api", 401, 3)
    assert "tok-3" not in f"{error} {error.facts}"


def test_a_token_about_to_expire_is_renewed(httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """expires_in counts, less a little."""
    server = Server(seconds=100)
    httpx_mock.add_callback(server, is_reusable=True)
    now = [1000.0]
    monkeypatch.setattr("host.apis.credentials.monotonic", lambda: now[0])
    with real() as host:
        host.add_api("petstore", document(OAUTH), auth="me:s3cret-value")
        for later in (0, 60, 75):
            now[0] = 1000.0 + later
            call(host, "petstore.pets.list()")
    assert server.made == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"status_code": 401, "json": {"error": "invalid_client", "error_description": "who?"}},
            "refused (401, invalid_client, who?)",
        ),
        ({"json": {"token": "x"}}, "without an access_token"),
        ({"text": "<html>"}, "without an access_token"),
        ({"json": {"access_token": "a\r\nX: y"}}, "without an access_token"),
        ({"json": {"access_token": "abc", "token_type": "mac"}}, "token of type 'mac'"),
    ],
)
def test_token_failures_say_so(httpx_mock: HTTPXMock, answer: dict[str, Any], words: str) -> None:
    """What the token's server said, and that the call itself was not sent; never the secret."""
    httpx_mock.add_response(url=TOKEN_URL, **answer)
    with real() as host:
        host.add_api("petstore", document(OAUTH), auth="me:s3cret-value")
        error = host.run_source('petstore.new_pet():name("x"):create()').error
    assert error is not None
    assert words in error.message
    assert error.facts["outcome"] == "not_sent"
    assert "s3cret" not in f"{error} {error.facts}"


def test_compiled_catalogs_are_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is compiled; a changed document, or a damaged file, is compiled again."""
    import host.apis.openapi as compiler

    made: list[str] = []
    compile_ = compiler.compile
    monkeypatch.setattr(compiler, "compile", lambda *a, **k: made.append("x") or compile_(*a, **k))
    file = tmp_path / "pets.json"
    file.write_text(json.dumps(document()))

    def add() -> int:
        with Host(simulate=True) as host:
            host.add_api("petstore", file)
        return len(made)

    assert [add(), add()] == [1, 1]
    file.write_text(json.dumps(document(info={"title": "Other", "version": "2"})))
    assert add() == 2
    for kept in (tmp_path / "cache").rglob("*.catalog"):
        kept.write_bytes(b"damaged")
    assert [add(), add()] == [3, 3]


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only home is no reason to fail."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    file = tmp_path / "pets.json"
    file.write_text(json.dumps(document()))
    with Host(simulate=True) as host:
        assert host.add_api("petstore", file).name == "petstore"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not valid JSON"),
        ('{"swagger": "2.0"}', "has no paths"),
        ("[1]", "contains list"),
        ('{"openapi": "3.0.0", "paths": {}}', "no paths"),
    ],
)
def test_broken_documents_are_named(tmp_path: Path, content: str | None, words: str) -> None:
    """The error says which file and what is wrong with it."""
    file = tmp_path / "broken.json"
    if content is not None:
        file.write_text(content)
    with Host(simulate=True) as host, pytest.raises(CatalogError, match=words):
        host.add_api("petstore", file)
