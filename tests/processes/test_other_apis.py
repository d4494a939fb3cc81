"""APIs and libraries over worker processes: added to the host, they are there for every run of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from host import Host, OAuth2, Permissions, Secret, UsageError

KEY = "sk_test_51AbCdEfGhIjKlMnOpQr4242"
PET_KEY = "pet-key-0123456789"


class Echo:
    """Answers with what it was asked; a token to whom asks for one."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
                self.answer({"access_token": "tok", "expires_in": 3600, "data": {"shop": body}})

            def do_GET(self) -> None:
                self.answer([{"path": self.path, "key": self.headers["authorization"]}])

            def answer(self, value: Any) -> None:
                content = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.place}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def pets(**scheme: Any) -> dict[str, Any]:
    pet = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
    content = {"application/json": {"schema": pet}}
    answer = {"200": {"description": "it", "content": content}}
    listed = {"application/json": {"schema": {"type": "array", "items": pet}}}
    everything = {"200": {"description": "all", "content": listed}}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": "https://pets.example"}],
        "paths": {
            "/pets": {
                "get": {"operationId": "pets.list", "responses": everything},
                "post": {"operationId": "pets.create", "requestBody": {"content": content}, "responses": answer},
            },
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "get": {"operationId": "pets.retrieve", "responses": answer},
            },
        },
        **({"components": {"securitySchemes": {"own": scheme}}, "security": [{"own": []}]} if scheme else {}),
    }


def everywhere(host: Host, code: str, runs: int = 6) -> list[Any]:
    """The code's value, run often enough to be in all processes."""
    return [result.raise_for_error().value for result in host.run_many([{"code": code}] * runs)]


def test_a_simulated_api_has_one_simulator_for_all_processes() -> None:
    """What one run creates another finds, whatever process each is in; and the parent's own requests too."""
    with Host(simulate=True, processes=2, apis={"zoo": pets()}) as host:
        host.add_api("petstore", pets())
        ids = everywhere(host, 'return petstore.new_pet():name("Rex"):create()')
        assert len(set(ids)) == 6
        assert everywhere(host, "return #petstore.pets.list()") == [6] * 6
        assert everywhere(host, "return #zoo.pets.list()", 2) == [0, 0]
        assert len(host.registry.make_request("petstore:pets", "GET")) == 6
        wrong = host.run_source('petstore.new_pet():nam("Rex")').error
        assert wrong is not None
        assert 'did you mean "name"' in wrong.message
        with pytest.raises(UsageError, match="the name 'petstore' is taken"):
            host.add_api("petstore", pets())


def test_an_api_and_its_key_cross_to_every_process(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the pipe: what an environment holds of a key does not reach the processes'; scripts see it masked."""
    monkeypatch.setenv("PETSTORE_API_KEY", PET_KEY)
    monkeypatch.setenv("PETSTORE_API_BASE", echo.url)
    document = pets(type="http", scheme="bearer")
    permissions = Permissions(env=("PETSTORE_API_BASE",))
    with Host(processes=2, apis={"petstore": document}, permissions=permissions) as host:
        masked = f"Bearer …{PET_KEY[-4:]}"
        assert everywhere(host, "return petstore.pets.list()[1].key") == [masked] * 6
        assert host._worker_processes is not None
        for pid in host._worker_processes.pids:
            environ = Path(f"/proc/{pid}/environ")
            assert not environ.exists() or PET_KEY.encode() not in environ.read_bytes()


def test_oauth_clients_cross_too(echo: Echo) -> None:
    """Each process fetches its own token."""
    flows = {"clientCredentials": {"tokenUrl": f"{echo.url}/token", "scopes": {}}}
    with Host(stripe_secret_key=KEY, processes=2) as host:
        host.add_api(
            "petstore",
            pets(type="oauth2", flows=flows),
            base_url=echo.url,
            auth=OAuth2("client", Secret("secret-of-client")),
        )
        assert everywhere(host, 'return petstore.pets.list()[1].key == "Bearer tok"') == [True] * 6


def test_a_process_that_takes_anothers_place_knows_the_apis() -> None:
    """Those given when the host was opened, and those added since."""
    import os
    import signal

    with Host(simulate=True, processes=2, apis={"zoo": pets()}) as host:
        host.add_api("petstore", pets())
        assert host._worker_processes is not None
        before = set(host._worker_processes.pids)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        code = "return #petstore.pets.list() + #zoo.pets.list()"
        while set(host._worker_processes.pids) & before:
            host.run_source(code)
        assert everywhere(host, code) == [0] * 6


def test_libraries_do_the_same_in_processes(echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """http, GraphQL, SQL and files, each as granted."""
    monkeypatch.setenv("GRAPHQL_ENDPOINT", f"{echo.url}/graphql")
    permissions = Permissions(
        net=(echo.place, "private"),
        read=(str(tmp_path),),
        write=(str(tmp_path),),
        sql=(f"sqlite:///{tmp_path}/x.db",),
    )
    codes = {
        f'return http.get("{echo.url}/x").json()[1].path': "/x",
        "return graphql_query('{ shop }').shop ~= nil": True,
        f"return graphql{{url='{echo.url}/other'}}:query('{{ shop }}').shop ~= nil": True,
        "sql.execute('create table t (a)') sql.execute('insert into t values (?)', {5}) "
        "return sql.query('select a from t')[1].a": 5,
        "sql.transaction(function(tx) tx:execute('insert into t values (6)') end) "
        "return #sql.query('select a from t')": 2,
        f"fs.write('{tmp_path}/f', 'hi') fs.append('{tmp_path}/f', '!') return fs.read('{tmp_path}/f')": "hi!",
    }
    with Host(simulate=True, processes=2, permissions=permissions) as host:
        for code, value in codes.items():
            assert host.run_source(code).raise_for_error().value == value
        denied = host.run_source("http.get('http://example.com')").error
        assert denied is not None
        assert denied.kind == "denied"
