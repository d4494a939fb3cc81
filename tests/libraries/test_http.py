"""http.*: what is sent, what comes back, where it may go."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult
from host.policy.permissions import Permissions
from tests.libraries.servers import TEXT, Serving, WebApp

Script = Callable[..., RunResult]
KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"


def error_of(result: RunResult) -> Any:
    assert result.error is not None, result.value
    return result.error


@pytest.fixture
def ask(script: Script, web: Serving) -> Callable[..., RunResult]:
    """``script`` with the server's address as ``base``, and the server granted."""

    def run(code: str, **options: Any) -> RunResult:
        given = {"base": web.base, **options.pop("globals", {})}
        return script(code, globals=given, **{"net": f"127.0.0.1:{web.port}", **options})

    return run


def test_an_answer_is_a_table_with_all_that_came(ask: Script) -> None:
    """Status, headers in any case, body, URL, time, attempts, and json() on request."""
    code = """
    local r = http.get(base .. "/a?x=1", {query={y="ü &", list={1, true}}, headers={["X-One"]="1"}})
    local h = r.headers
    return {r.status, h["x-seen"], h["X-Seen"], r.url, r.elapsed > 0, r.attempts, r.json(), r:json().path}
    """
    status, lower, mixed, url, elapsed, attempts, seen, path = ask(code).value
    assert (status, lower, mixed, elapsed, attempts, path) == (200, "yes", "yes", True, 1, "/a")
    assert seen["query"].startswith("x=1&")
    assert sorted(seen["query"].split("&")) == ["list=1", "list=true", "x=1", "y=%C3%BC+%26"]
    assert url.endswith(seen["query"])
    assert seen["headers"]["x-one"] == "1"
    assert seen["headers"]["user-agent"].startswith("luahost/")
    assert "cookie" not in seen["headers"]


@pytest.mark.parametrize(
    ("options", "body", "kind"),
    [
        ('{json={a={1, 2.5, json.null}, b="ü"}}', b'{"a":[1,2.5,null],"b":"\xc3\xbc"}', "application/json"),
        ("{json=json.array{}}", b"[]", "application/json"),
        ('{form={a="1 2", b={"x", "y"}}}', b"a=1+2&b=x&b=y", "application/x-www-form-urlencoded"),
        ('{body="\\0\\255"}', b"\0\xff", None),
        ('{body="<a/>", headers={["Content-Type"]="text/xml"}}', b"<a/>", "text/xml"),
    ],
)
def test_bodies(ask: Script, app: WebApp, options: str, body: bytes, kind: str | None) -> None:
    """JSON, form and plain bodies go out as they should, with their type."""
    assert ask(f"return http.post(base .. '/', {options}).status").value == 200
    (seen,) = app.seen
    if options.startswith(("{json", "{form")):
        left = seen["body"].encode("latin-1")
        if options.startswith("{form"):
            assert sorted(left.split(b"&")) == sorted(body.split(b"&"))
        else:
            assert json.loads(left) == json.loads(body)
    else:
        assert seen["body"].encode("latin-1") == body
    assert seen["headers"].get("content-type") == kind
    assert seen["method"] == "POST"


def test_multipart_holds_texts_and_files(ask: Script, app: WebApp, tmp_path: Path) -> None:
    """A file comes from a string or from a granted path; names cannot break out of their quotes."""
    (tmp_path / "b.bin").write_bytes(b"\0\1")
    code = """
    return http.post(base .. "/", {multipart={title="x", a={content="one", name='q".txt', type="text/plain"},
      b={path=folder .. "/b.bin"}}}).status
    """
    assert ask(code, globals={"folder": str(tmp_path)}, read=tmp_path).value == 200
    body = app.seen[0]["body"]
    assert 'name="title"\r\n\r\nx\r\n' in body
    assert 'name="a"; filename="q%22.txt"\r\nContent-Type: text/plain\r\n\r\none\r\n' in body
    assert 'name="b"; filename="b.bin"\r\nContent-Type: application/octet-stream\r\n\r\n\0\1\r\n' in body
    denied = ask("http.post(base, {multipart={a={path='/etc/hostname'}}})", check=False)
    assert error_of(denied).kind == "denied"


def test_methods_and_request(ask: Script, app: WebApp) -> None:
    """Every method by its name, and all of it in one table."""
    code = """
    for _, name in ipairs{"get", "head", "post", "put", "patch", "delete"} do http[name](base .. "/m") end
    return http.request{method="patch", url=base .. "/m"}.status
    """
    ask(code)
    assert [each["method"] for each in app.seen] == ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PATCH"]


def test_basic_and_bearer(ask: Script, app: WebApp) -> None:
    """basic={user, password} and bearer=token become the header Authorization."""
    ask('http.get(base, {basic={"me", "pass:word"}}) http.get(base, {bearer="abc"})')
    first, second = (each["headers"]["authorization"] for each in app.seen)
    assert first == "Basic " + b64encode(b"me:pass:word").decode()
    assert second == "Bearer abc"


def test_an_error_status_is_an_answer(ask: Script) -> None:
    """404 and 500 raise nothing; a body that is not JSON raises when it is asked for."""
    code = """
    local r = http.post(base .. "/status?code=500")
    local _, e = try(http.get(base .. "/bytes?times=1").json)
    return {http.get(base .. "/status?code=404").status, r.status, r.json().error, e.kind, e.message}
    """
    missing, broken, said, kind, message = ask(code).value
    assert (missing, broken, said, kind) == (404, 500, "as asked", "unexpected")
    assert "application/octet-stream" in message


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        ("http.get(base .. '/', {heders={}})", "invalid", 'did you mean "headers"'),
        ("http.get(base .. '/', {params={}})", "invalid", "expected one of url, method, query, "),
        ("http.get(base, {headers={a='b\\r\\nc: d'}})", "invalid", "line break"),
        ("http.get(base, {headers={['a\\r\\nb']='c'}})", "invalid", "not the name of a header"),
        ("http.get(base, {headers={Host='other'}})", "invalid", "set by the client only"),
        ("http.get(base, {headers={['Content-Length']=5}})", "invalid", "set by the client only"),
        ("http.get(base, {headers={['X-HTTP-Method-Override']='PUT'}})", "invalid", "turn a GET into another method"),
        ("http.request{method='head', url=base, headers={['x-http-method']='PUT'}}", "invalid", "into another method"),
        ("http.get('ftp://x/')", "invalid", "not an http:// or https://"),
        ("http.get('http://a b/')", "invalid", "has a space"),
        ("http.get('http:\\\\\\\\127.0.0.1/')", "invalid", "backslash"),
        ("http.get('http://user:pw@127.0.0.1/')", "invalid", "basic={user, password}"),
        ("http.get('/only/a/path')", "invalid", "not an http:// or https://"),
        ("http.get()", "invalid", "got nothing"),
        ("http.get(base, 5)", "invalid", "table of options"),
        ("http.post(base, {json={}, form={}})", "invalid", "one body"),
        ("http.post(base, {json={a='\\255'}})", "invalid", "json.a is not UTF-8"),
        ("http.get(base, {timeout=-1})", "invalid", "timeout is -1"),
        ("http.request{method='TRACE', url=base}", "invalid", "none of GET"),
        ("http.get(base, {basic={'a:b', 'c'}})", "invalid", "contain a colon"),
        ("http.get(base, {bearer=STRIPE_API_KEY})", "invalid", "no key for stripe"),
        ("http.get(base, {query={k=STRIPE_API_KEY}})", "invalid", "opaque secret"),
        ("http.post(base, {json={k=STRIPE_API_KEY}})", "invalid", "opaque secret"),
    ],
)
def test_what_is_wrong_is_refused_before_it_is_sent(ask: Script, app: WebApp, call: str, kind: str, words: str) -> None:
    """Bad URLs, header injection, unknown options: an error that names it, and no request."""
    error = error_of(ask(call, check=False))
    assert error.kind == kind
    assert words in error.message
    assert error.line == 1
    assert app.seen == []


@pytest.mark.parametrize("name", ["get", "head", "post", "put", "patch", "delete"])
def test_without_a_grant_each_name_is_there_and_denied(script: Script, web: Serving, app: WebApp, name: str) -> None:
    """The error names the permission that would allow it; nothing is sent."""
    error = error_of(script(f"http.{name}(base)", globals={"base": web.base}, check=False))
    assert error.kind == "denied"
    assert f"--allow-net '127.0.0.1:{web.port}'" in error.hint
    assert app.seen == []


def test_a_name_that_leads_to_a_private_address_is_refused_at_the_connection(
    script: Script, web: Serving, app: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the address connected to, whatever the name says and however often it is asked."""
    asked: list[str] = []

    async def lie(loop: Any, host: str, port: int) -> Any:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("host.http.guarded_client._loop_addresses", lie)
    grants = {"net": ("rebound.example", f"127.0.0.2:{web.port}")}
    code = "http.get('http://rebound.example:' .. port .. '/')"
    error = error_of(script(code, globals={"port": str(web.port)}, check=False, **grants))
    assert error.kind == "denied"
    assert "loopback" in error.message
    assert asked == ["rebound.example"]
    assert app.seen == []
    both = {"net": ("rebound.example", "127.0.0.1")}
    assert script(f"return {code}.status", globals={"port": str(web.port)}, **both).value == 200


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost."])
def test_other_spellings_of_this_machine_are_refused(script: Script, web: Serving, app: WebApp, host: str) -> None:
    """A grant of all names is none of this machine, however its address is written."""
    code = f"http.get('http://{host}:{web.port}/')"
    error = error_of(script(code, net="*", check=False))
    assert error.kind in ("denied", "network")
    assert app.seen == []


def test_redirects_are_followed_and_counted(ask: Script, app: WebApp) -> None:
    """GET follows up to 5, a mutation none unless asked; the answer tells where it ended."""
    code = """
    local there = base .. "/there"
    local r = http.get(base .. "/redirect?to=/there")
    local p = http.post(base .. "/redirect?to=/there", {body="x"})
    local q = http.post(base .. "/redirect?to=/there&status=303", {body="x", redirects=1})
    local twice = base .. "/redirect?to=/redirect%3Fto%3D/there"
    local _, e = try(http.get, twice, {redirects=1})
    local none = http.get(twice, {redirects=false})
    return {r.url == there, r.status, p.status, q.json().method, e.kind, none.status, http.get(twice).status}
    """
    assert ask(code).value == [True, 200, 302, "GET", "unexpected", 302, 200]


def test_a_redirect_cannot_leave_what_is_granted(ask: Script) -> None:
    """Each hop is checked as if the script had asked for it."""
    for target in (
        "http://169.254.169.254/latest/",
        "http://localhost:1/",
        "file:///etc/passwd",
        "gopher://x/",
    ):
        error = error_of(ask(f"http.get(base .. '/redirect?to={target}')", check=False))
        assert error.kind in ("denied", "unexpected"), target


def test_credentials_do_not_go_to_another_origin(script: Script, app: WebApp, web: Serving) -> None:
    """On the way to another origin only harmless headers go along."""
    other = Serving(app)
    try:
        code = """
        local headers = {Cookie="a=b", Accept="text/x", ["X-Key"]="k"}
        http.get(base .. "/redirect?to=" .. other .. "/x", {bearer="secret", headers=headers})
        http.get(base .. "/redirect?to=/x", {bearer="secret"})
        """
        script(code, globals={"base": web.base, "other": other.base}, net="127.0.0.1")
    finally:
        other.close()
    headers = app.seen[1]["headers"]
    assert headers["accept"] == "text/x"
    assert not {"authorization", "cookie", "x-key"} & set(headers)
    assert app.seen[3]["headers"]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_codings_are_undone_within_the_size_limit(ask: Script, app: WebApp, coding: str) -> None:
    """Each coding is asked for and undone; one that unfolds beyond the limit is stopped on the way."""
    assert ask(f"return http.get(base .. '/coded/{coding}').body").value == TEXT.decode()
    assert coding in app.seen[0]["headers"]["accept-encoding"]
    error = error_of(ask(f"http.get(base .. '/bomb/{coding}', {{max_size=100000}})", check=False))
    assert error.kind == "unexpected"
    assert "too large" in error.message


def test_reads_are_retried_and_mutations_are_not(ask: Script, app: WebApp) -> None:
    """A safe method, or one with an idempotency key, is sent again after 503; others are not."""
    code = "return {http.get(base .. '/flaky?times=2', {retries=3}).attempts}"
    assert ask(code).value == [2]
    app.seen.clear()
    assert ask("return http.post(base .. '/flaky?times=2').status").value == 503
    assert len(app.seen) == 1
    app.seen.clear()
    code = "return http.post(base .. '/flaky?times=2', {headers={['Idempotency-Key']='k'}}).attempts"
    assert ask(code).value == 2
    assert {each["headers"]["idempotency-key"] for each in app.seen} == {"k"}
    app.seen.clear()
    code = "return http.post(base .. '/flaky?times=2', {headers={['Idempotency-Key']=''}}).status"
    assert ask(code).value == 503  # an empty key protects from nothing
    assert len(app.seen) == 1


def test_cookies_are_shown_and_not_kept(ask: Script, app: WebApp) -> None:
    """Repeated Set-Cookie headers come line by line; none goes out by itself, in this run or the next."""
    assert ask("return http.get(base .. '/cookies').headers['set-cookie']").value == "a=1; Path=/\nb=2; Path=/"
    ask("http.get(base .. '/')")
    assert "cookie" not in app.seen[-1]["headers"]


def test_download_is_there_whole_or_not_at_all(ask: Script, tmp_path: Path) -> None:
    """The body goes to a granted file, which appears when it is complete; an error's body does not."""
    code = """
    local r = http.get(base .. "/bytes?times=1000", {download=folder .. "/a.bin"})
    local bad = http.get(base .. "/status?code=404", {download=folder .. "/b.bin"})
    local _, e = try(http.get, base .. "/bytes?times=1000", {download=folder .. "/c.bin", max_size=1000})
    return {r.path, #r.body, bad.status, bad.body, e.kind}
    """
    value = ask(code, globals={"folder": str(tmp_path)}, write=tmp_path).value
    assert value == [str(tmp_path / "a.bin"), 0, 404, '{"error": "as asked"}', "unexpected"]
    assert (tmp_path / "a.bin").read_bytes() == bytes(range(256)) * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    error = error_of(ask("http.get(base, {download='/tmp/no'})", check=False))
    assert error.kind == "denied"


def test_timeouts_are_errors_of_their_own(ask: Script) -> None:
    """timeout= bounds the answer; with_timeout and the run's end abort the wait."""
    error = error_of(ask("http.get(base .. '/hang', {timeout=0.1, retries=0})", check=False))
    assert error.kind == "timeout"
    error = error_of(ask("with_timeout(0.1, http.get, base .. '/hang')", check=False))
    assert error.kind == "timeout"


def test_refused_connections_are_network_errors(script: Script) -> None:
    """Nobody there: kind network, naming host and phase."""
    error = error_of(script("http.get('http://127.0.0.1:1/', {retries=0})", net="127.0.0.1", check=False))
    assert error.kind == "network"
    assert "127.0.0.1:1" in error.message


def test_many_at_once(ask: Script, app: WebApp) -> None:
    """map over http.get has the calls in flight together."""
    code = """
    local list = {}
    for i = 1, 50 do list[i] = i end
    local out = map(list, function(i) return http.get(base .. "/n" .. i).json().path end)
    return {out[1], out[50], out.n}
    """
    assert ask(code).value == ["/n1", "/n50", 50]


def test_the_key_goes_to_its_own_api_only(web: Serving, app: WebApp) -> None:
    """An opaque secret is put in on the host's side, for the origin it belongs to; elsewhere it is denied.
    What a server echoes of it does not reach the script."""
    options: dict[str, Any] = {"stripe_secret_key": KEY, "stripe_api_base": web.base}
    with Host(permissions=Permissions(net="127.0.0.1"), **options) as host:
        code = """
        local r = http.get(base .. "/echo", {bearer=STRIPE_API_KEY})
        http.get(base .. "/echo", {basic={STRIPE_API_KEY}})
        local _, e = try(http.get, "http://127.0.0.1:1/", {headers={["X-Key"]="k " .. STRIPE_API_KEY}})
        return {r.body, e.kind, e.message}
        """
        value = host.run_source(code, globals={"base": web.base}).raise_for_error().value
    assert app.seen[0]["headers"]["authorization"] == f"Bearer {KEY}"
    assert app.seen[1]["headers"]["authorization"] == "Basic " + b64encode(f"{KEY}:".encode()).decode()
    assert KEY not in json.dumps(value)
    assert value[1] == "denied"


def test_no_part_of_an_answer_has_a_granted_secret(web: Serving, tmp_path: Path) -> None:
    """A token in the URL is in none of what the script gets, so neither in the journal nor on a run's page."""
    token = "tok/en+98765"
    granted: dict[str, Any] = {"env": {"SHOP_TOKEN": token}, "permissions": Permissions(net="127.0.0.1", env="*")}
    with Host(simulate=True, journal=str(tmp_path / "j.sqlite"), **granted) as host:
        code = """
        local token = env.SHOP_TOKEN
        return {http.get(base .. "/echo?t=" .. token), http.get(base .. "/redirect", {query={to="/x?" .. token}})}
        """
        host.run_source(code, globals={"base": web.base}, run_id="r", durable=True).raise_for_error()
        answers = host.durable_runs.journal.records("r")
    recorded = [each.data for each in answers if each.kind == "answer"]
    assert len(recorded) == 2
    assert not [form for form in (token, "tok%2Fen") if form.encode() in b"".join(recorded)]


def test_one_grants_connections_are_not_anothers(script: Script, web: Serving, app: WebApp) -> None:
    """A connection made under one run's grants is not used for a run with others."""
    with Host(simulate=True, permissions=Permissions(net="127.0.0.1")) as host:
        code = f"return http.get('{web.base}/').status"
        assert host.run_source(code).raise_for_error().value == 200
        narrower = host.run_source(code, permissions=Permissions(net="example.com"))
    assert error_of(narrower).kind == "denied"
    assert len(app.seen) == 1


def test_read_only_permissions_allow_reads(ask: Script, app: WebApp) -> None:
    """--read-only lets GET through and refuses POST before it is sent."""
    assert ask("return http.get(base).status", read_only=True).value == 200
    assert error_of(ask("http.post(base)", read_only=True, check=False)).kind == "denied"
    assert len(app.seen) == 1


def test_an_uncaught_error_names_the_scripts_line(ask: Script) -> None:
    """The error is raised where the script called."""
    error = error_of(ask("local x = 1\n\nhttp.get('nothing')", check=False))
    assert error.line == 3
