"""What the ways of sending have in common: straight over the pool, the AsyncClient on it, and on httpx's transport."""

from __future__ import annotations

import asyncio
import os
import sys
from time import monotonic
from typing import Any

import pytest

from host.errors import (
    CallError,
    CallTimeout,
    ConfigError,
    DeniedError,
    InvalidCall,
    NetworkError,
    UnexpectedAnswer,
)
from host.http.chain import retried
from host.http.client import Credential
from host.http.message import Request
from host.http.retry import RetryPolicy
from host.http.settings import HttpSettings
from tests.http.servers import HTML, FaultServer


def soon(seconds: float = 20.0) -> float:
    return monotonic() + seconds


def read(server: FaultServer, path: str, **options: Any) -> Request:
    return Request("GET", f"{server.base}/{path}", **options)


def mutate(server: FaultServer, path: str, **options: Any) -> Request:
    return Request("POST", f"{server.base}/{path}", content=b"a=b", mutation=True, **options)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("ok", 200, b"ok"),
        ("chunked", 200, b"ok"),
        ("gzip", 200, b"unpacked"),
        ("no-length", 200, b"to the end"),
        ("no-content", 204, b""),
        ("continue", 200, b"ok"),
        ("html", 502, HTML),
        ("large", 200, b"x" * 2_000_000),
    ],
)
async def test_any_status_and_framing_is_an_answer_with_its_decoded_body(client, server, path, status, body):
    """Any status and framing is an answer with its decoded body."""
    answer = await client.send(mutate(server, path), soon())
    assert (answer.status, answer.body, answer.attempts) == (status, body, 1)
    assert answer.url == f"{server.base}/{path}"
    assert answer.elapsed > 0


async def test_a_redirect_is_an_answer_and_is_not_followed(client, server):
    """A redirect is an answer and is not followed."""
    answer = await client.send(read(server, "redirect"), soon())
    assert (answer.status, answer.headers["location"]) == (302, "/ok")
    assert len(server.requests) == 1


async def test_header_names_are_lower_case_and_repeated_ones_joined(client, server):
    """Header names are lower case and repeated ones joined."""
    headers = (await client.send(read(server, "headers"), soon())).headers
    assert (headers["x-twice"], headers["request-id"]) == ("a, b", "req_1")


async def test_a_header_that_is_not_ascii_does_not_cost_the_answer(client, server):
    """A header that is not ASCII does not cost the answer."""
    answer = await client.send(read(server, "latin"), soon())
    assert (answer.status, answer.headers["request-id"]) == (200, "req_1")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_request_goes_out_as_it_was_given(make_client, server, method):
    """The request goes out as it was given."""
    client = make_client(settings={"user_agent": "luahost/9 (test)"})
    content = b"" if method in ("GET", "HEAD") else b"name=x"
    headers = (("X-Own", "1"), ("Content-Type", "application/x-www-form-urlencoded"))
    answer = await client.send(Request(method, f"{server.base}/ok?q=a%20b", headers, content), soon())
    assert answer.status == 200
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == f"{method} /ok?q=a%20b http/1.1".lower().encode()
    assert body == content
    for line in (b"x-own: 1", b"user-agent: luahost/9 (test)", f"host: {server.host}".encode()):
        assert line in lines
    assert any(line.startswith(b"accept-encoding:") and b"gzip" in line for line in lines)
    assert len({line.partition(b":")[0] for line in lines}) == len(lines)


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        ("", "/"),
        ("?x=1", "/?x=1"),
        ("?x=/y", "/?x=/y"),
        ("#part", "/"),
        ("/ok?q=é", "/ok?q=%C3%A9"),
        ("/ok/é%20#part", "/ok/%C3%A9%20"),
    ],
)
async def test_the_url_goes_out_whole(client, server, rest, line):
    """Path and query reach the server as they were given."""
    await client.send(Request("GET", server.base + rest), soon())
    assert server.requests[0].startswith(f"GET {line} HTTP/1.1\r\n".encode())


async def test_a_post_without_a_body_says_that_its_length_is_zero(client, server):
    """A post without a body says that its length is zero."""
    await client.send(Request("POST", f"{server.base}/ok", mutation=True), soon())
    assert b"content-length: 0" in server.requests[0].lower()


async def test_a_connection_is_used_again_and_many_requests_run_at_once(client, server):
    """A connection is used again and many requests run at once."""
    for _ in range(3):
        await client.send(read(server, "ok"), soon())
    assert server.connections == 1
    answers = await asyncio.gather(*(client.send(read(server, "ok"), soon()) for _ in range(40)))
    assert {answer.body for answer in answers} == {b"ok"}


async def test_a_connection_the_server_closed_meanwhile_costs_a_retry_at_most(client, server):
    """A connection the server closed meanwhile costs a retry at most."""
    send = retried(client.send, RetryPolicy(retries=3, base=0))
    for _ in range(10):
        request = mutate(server, "closes-after", idempotency_key="k")
        assert (await send(request, soon())).body == b"ok"


FAULTS: list[tuple[str, type[CallError], str, str]] = [
    ("reset", NetworkError, "response", "closed the connection without an answer"),
    ("close", NetworkError, "response", "closed the connection without an answer"),
    ("truncated", UnexpectedAnswer, "response", "is cut off"),
    ("truncated-chunk", UnexpectedAnswer, "response", "is cut off"),
    ("not-http", UnexpectedAnswer, "response", "is not HTTP"),
    ("huge-head", UnexpectedAnswer, "response", "is not HTTP"),
    ("broken-gzip", UnexpectedAnswer, "response", "broken content coding"),
]


@pytest.mark.parametrize(("path", "kind", "phase", "text"), FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_what_breaks_after_sending_leaves_the_outcome_of_a_mutation_unknown(
    client, server, path, kind, phase, text
):
    """What breaks after sending leaves the outcome of a mutation unknown."""
    with pytest.raises(kind) as caught:
        await client.send(mutate(server, path, operation="x.create", idempotency_key="k1"), soon())
    error = caught.value
    assert (error.phase, error.outcome, error.retryable) == (phase, "unknown", True)
    assert (error.operation, error.idempotency_key) == ("x.create", "k1")
    assert server.host in error.message
    assert text in error.message
    assert error.__cause__ is not None
    with pytest.raises(kind) as caught:
        await client.send(read(server, path), soon())
    assert caught.value.outcome is None


@pytest.mark.parametrize("path", ["hang", "hang-in-body"])
async def test_a_late_answer_is_a_timeout_of_the_response_with_its_seconds(make_client, server, path):
    """A late answer is a timeout of the response with its seconds."""
    client = make_client(settings={"read_timeout": 0.5})
    with pytest.raises(CallTimeout, match=rf"no answer from {server.host} within 0\.5 s") as caught:
        await client.send(read(server, path), soon())
    assert (caught.value.phase, caught.value.outcome) == ("response", None)


async def test_a_mutation_may_take_as_long_as_its_deadline_allows(make_client, server):
    """A mutation may take as long as its deadline allows."""
    client = make_client(settings={"read_timeout": 0.01})
    with pytest.raises(CallTimeout) as caught:
        await client.send(mutate(server, "hang"), soon(0.2))
    assert caught.value.outcome == "unknown"
    assert "within 0.01 s" not in caught.value.message


async def test_a_requests_own_timeout_goes_before_the_settings_and_not_beyond_the_deadline(client, server):
    """A request's own timeout goes before the settings and not beyond the deadline."""
    with pytest.raises(CallTimeout, match=r"within 0\.05 s"):
        await client.send(mutate(server, "hang", timeout=0.05), soon())
    with pytest.raises(CallTimeout, match=r"within 0\.0\d+ s"):
        await client.send(mutate(server, "hang", timeout=60), soon(0.08))


async def test_a_deadline_that_has_passed_sends_nothing(client, server):
    """A deadline that has passed sends nothing."""
    with pytest.raises(CallTimeout) as caught:
        await client.send(mutate(server, "ok"), monotonic() - 1)
    assert caught.value.outcome == "not_sent"
    assert server.requests == []


async def test_a_refused_connection_names_the_host_and_sent_nothing(client, free_port):
    """A refused connection names the host and sent nothing."""
    with pytest.raises(NetworkError, match=f"cannot connect to 127.0.0.1:{free_port}") as caught:
        await client.send(Request("POST", f"http://127.0.0.1:{free_port}/", mutation=True), soon())
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")


async def test_a_name_that_does_not_resolve_is_named(client):
    """A name that does not resolve is named."""
    with pytest.raises(NetworkError, match=r"cannot resolve the name nowhere\.invalid") as caught:
        await client.send(Request("POST", "http://nowhere.invalid/", mutation=True), soon())
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")


async def test_a_connection_that_does_not_come_up_is_a_timeout_of_the_connect(make_client, silent_port):
    """A connection that does not come up is a timeout of the connect."""
    client = make_client(settings={"connect_timeout": 0.1})
    with pytest.raises(CallTimeout, match=rf"no connection to 127\.0\.0\.1:{silent_port} within 0\.1 s") as caught:
        await client.send(Request("POST", f"http://127.0.0.1:{silent_port}/", mutation=True), soon())
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")


async def test_tls_is_verified_and_a_given_root_is_trusted(make_client, tls_server):
    """TLS is verified and a given root is trusted."""
    assert (await make_client().send(read(tls_server, "ok"), soon())).body == b"ok"
    by_environment = make_client(
        settings={"ssl_cert_file": None},
        environ={"SSL_CERT_FILE": make_client().settings.ssl_cert_file},
    )
    assert (await by_environment.send(read(tls_server, "ok"), soon())).body == b"ok"
    strict = make_client(settings={"ssl_cert_file": None}, environ={})
    with pytest.raises(NetworkError, match=f"no TLS connection to {tls_server.host}") as caught:
        await strict.send(mutate(tls_server, "ok"), soon())
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")
    lax = make_client(settings={"ssl_cert_file": None, "verify": False}, environ={})
    assert (await lax.send(read(tls_server, "ok"), soon())).body == b"ok"


async def test_a_certificate_for_another_name_is_refused(client, other_tls_server):
    """A certificate for another name is refused."""
    with pytest.raises(NetworkError, match="no TLS connection"):
        await client.send(read(other_tls_server, "ok"), soon())


async def test_plain_http_where_tls_was_expected_is_said_so(client, server):
    """Plain HTTP where TLS was expected is reported as that."""
    with pytest.raises((NetworkError, CallTimeout)) as caught:
        await client.send(Request("POST", f"https://{server.host}/ok", mutation=True), soon())
    assert (caught.value.phase, caught.value.outcome) == ("connect", "not_sent")


@pytest.mark.parametrize("path", ["large", "endless", "gzip-bomb"])
async def test_an_answer_beyond_the_limit_is_not_read_to_its_end(make_client, server, path):
    """An answer beyond the limit is not read to its end."""
    client = make_client(settings={"max_answer_bytes": 1_000_000})
    with pytest.raises(UnexpectedAnswer, match="too large: more than 1000000 bytes") as caught:
        await client.send(mutate(server, path), soon())
    assert (caught.value.outcome, caught.value.retryable) == ("unknown", False)


BAD_URLS = [
    "nonsense",
    "ftp://localhost/",
    "http:///nohost",
    "http://a b/",
    "http://localhost:99999/",
    "http://localhost\\@evil.invalid/",
    "http://localhost/\r\nX: y",
    "//localhost/x",
]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_a_url_that_is_none_is_refused_before_anything_is_sent(client, url):
    """An invalid URL is refused before anything is sent."""
    with pytest.raises(InvalidCall, match="URL") as caught:
        await client.send(Request("POST", url, mutation=True), soon())
    assert caught.value.outcome == "not_sent"


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X", "ü"), ("X", "a\0b"), ("X Y", "b"), ("", "b")])
async def test_a_header_that_could_break_the_request_is_refused_without_showing_its_value(client, server, header):
    """A header that could break the request is refused without showing its value."""
    with pytest.raises(InvalidCall) as caught:
        await client.send(read(server, "ok", headers=(header,)), soon())
    assert header[1] not in caught.value.message or header[1] == "b"
    assert server.requests == []


def key_for(origin: str, **parts: Any) -> Any:
    return lambda request: Credential(origin, **parts)


async def test_a_key_goes_on_requests_that_name_it_and_on_no_others(make_client, server):
    """A key goes on requests that name it and on no others."""
    client = make_client(
        credentials=key_for(server.base, headers=(("Authorization", "Bearer sk_secret"),), query=(("key", "s&1"),))
    )
    answer = await client.send(read(server, "ok?a=1", credential="stripe"), soon())
    await client.send(read(server, "ok"), soon())
    signed, plain = server.requests
    assert b"Bearer sk_secret" in signed
    assert signed.startswith(b"GET /ok?a=1&key=s%261 ")
    assert b"sk_secret" not in plain
    assert "s&1" not in answer.url
    assert "s%261" not in answer.url


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/v1",
        "https://localhost/v1",
        "http://localhost.evil.invalid/v1",
        "http://localhost@evil.invalid/v1",
        "http://user:pw@localhost/v1",
    ],
)
async def test_a_key_never_goes_to_another_origin(make_client, url):
    """A key never goes to another origin."""
    client = make_client(credentials=key_for("http://localhost", headers=(("Authorization", "sk_secret"),)))
    with pytest.raises(DeniedError, match="goes to http://localhost only") as caught:
        await client.send(Request("POST", url, mutation=True, credential="stripe"), soon())
    assert caught.value.outcome == "not_sent"
    assert "pw" not in caught.value.message


async def test_no_error_and_no_repr_shows_a_key(make_client, server, free_port):
    """No error and no repr shows a key."""
    origin = f"http://127.0.0.1:{free_port}"
    credential = Credential(origin, (("Authorization", "Bearer sk_secret"),), (("key", "sk_secret"),))
    client = make_client(credentials=lambda request: credential)
    with pytest.raises(NetworkError) as caught:
        await client.send(Request("GET", f"{origin}/v1?x=1", credential="a"), soon())
    assert "sk_secret" not in repr(caught.value) + str(caught.value) + str(caught.value.facts())
    assert "sk_secret" not in repr(credential)
    broken = make_client(credentials=key_for(server.base, headers=(("Authorization", "sk_secret\n"),)))
    with pytest.raises(InvalidCall, match="Authorization") as refused:
        await broken.send(read(server, "ok", credential="a"), soon())
    assert "sk_secret" not in str(refused.value)


async def test_a_cancelled_request_ends_its_connection_and_the_client_goes_on(client, server):
    """A cancelled request ends its connection and the client goes on."""
    task = asyncio.create_task(client.send(read(server, "hang", timeout=60), soon(60)))
    await asyncio.to_thread(server.hanging.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await client.send(read(server, "ok"), soon())).body == b"ok"


async def test_after_close_no_descriptor_is_left_and_a_request_opens_anew(make_client, server):
    """After close no descriptor is left and a request opens anew."""
    client = make_client()
    await client.send(read(server, "ok"), soon())
    await client.aclose()
    await client.aclose()
    assert (await client.send(read(server, "ok"), soon())).body == b"ok"
    await client.aclose()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
async def test_many_clients_opened_and_closed_leave_no_descriptor(make_client, server):
    """Many clients opened and closed leave no descriptor."""

    async def once() -> None:
        client = make_client()
        await client.send(read(server, "closes-after"), soon())
        await client.aclose()

    await once()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        await once()
    async with asyncio.timeout(20):
        # The transport's own thread closes its sockets a moment after it is told, and tells nobody.
        while len(os.listdir("/proc/self/fd")) > before + 4:  # noqa: ASYNC110
            await asyncio.sleep(0)


def test_transport_names_and_numbers_that_cannot_be_are_refused():
    """Unknown transport names and impossible numbers are refused."""
    with pytest.raises(ConfigError, match="transport is 'curl', expected auto or httpx"):
        HttpSettings(transport="curl")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="transport is 'reqwest', expected auto or httpx"):
        HttpSettings(transport="reqwest")  # type: ignore[arg-type]  # once was one
    with pytest.raises(ConfigError, match="read_timeout is 0"):
        HttpSettings(read_timeout=0)


async def test_a_certificate_file_that_cannot_be_read_is_named(make_client, server):
    """A certificate file that cannot be read is named."""
    client = make_client(settings={"ssl_cert_file": "/nowhere/ca.pem"})
    with pytest.raises(ConfigError, match=r"/nowhere/ca\.pem"):
        await client.send(read(server, "ok"), soon())


def test_a_plain_call_does_not_import_httpx():
    """A plain call does not import httpx."""
    import subprocess

    script = (
        "import asyncio, sys, time\n"
        "from host.http.client import HttpClient\n"
        "from host.http.message import Request\n"
        "from host.errors import NetworkError\n"
        "client = HttpClient()\n"
        "async def main():\n"
        "    try: await client.send(Request('GET', 'http://127.0.0.1:1/'), time.monotonic() + 5)\n"
        "    except NetworkError: pass\n"
        "    await client.aclose()\n"
        "from host.bridge.loops import new_loop\n"
        "with asyncio.Runner(loop_factory=new_loop) as runner: runner.run(main())\n"
        "assert 'httptools' in sys.modules and 'httpx' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=30).returncode == 0
