"""What a user can hang on the host's httpx.AsyncClient keeps working."""

from __future__ import annotations

import asyncio
from time import monotonic

import httpx
import pytest

from host.errors import NetworkError
from host.http.client import HttpClient
from host.http.message import Request
from host.http.settings import HttpSettings


def soon() -> float:
    return monotonic() + 20


async def test_a_transport_of_the_user_carries_the_requests():
    """A transport of the user carries the requests."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json={"path": request.url.path, "sent": request.content.decode()})

    client = HttpClient(transport=httpx.MockTransport(answer))
    got = await client.send(Request("POST", "https://api.invalid/v1", content=b"a=b", mutation=True), soon())
    assert (got.status, got.body) == (201, b'{"path":"/v1","sent":"a=b"}')
    await client.aclose()


async def test_mounts_take_their_hosts_and_leave_the_others(server):
    """Mounts take their hosts and leave the others."""
    mock = httpx.MockTransport(lambda request: httpx.Response(204))
    client = HttpClient(HttpSettings(trust_env=False), mounts={"all://mounted.invalid": mock})
    assert (await client.send(Request("GET", "http://mounted.invalid/"), soon())).status == 204
    assert (await client.send(Request("GET", f"{server.base}/ok"), soon())).body == b"ok"
    await client.aclose()


@pytest.mark.parametrize("transport", ["auto", "httpx"])
async def test_event_hooks_and_auth_see_every_request(server, transport):
    """Event hooks and auth see every request."""
    seen = []

    async def on_request(request: httpx.Request) -> None:
        request.headers["X-Hook"] = "1"

    async def on_response(response: httpx.Response) -> None:
        seen.append((response.status_code, await response.aread()))

    client = HttpClient(
        HttpSettings(transport=transport, trust_env=False),
        event_hooks={"request": [on_request], "response": [on_response]},
        auth=httpx.BasicAuth("user", "pw"),
    )
    assert (await client.send(Request("GET", f"{server.base}/gzip"), soon())).body == b"unpacked"
    assert seen == [(200, b"unpacked")]
    assert b"x-hook: 1" in server.requests[0].lower()
    assert b"authorization: basic " in server.requests[0].lower()
    await client.aclose()


async def test_an_error_of_a_users_hook_is_not_dressed_as_a_network_error(server):
    """An error of a user's hook is not dressed as a network error."""

    async def broken(request: httpx.Request) -> None:
        raise LookupError("hook")

    client = HttpClient(event_hooks={"request": [broken]})
    with pytest.raises(LookupError, match="hook"):
        await client.send(Request("GET", f"{server.base}/ok"), soon())
    await client.aclose()


async def test_the_client_can_be_used_as_what_it_is_an_httpx_client(server):
    """The client can be used as what it is: an httpx client."""
    client = HttpClient(HttpSettings(trust_env=False, transport="auto"))
    assert isinstance(client.client, httpx.AsyncClient)
    response = await client.client.post(f"{server.base}/headers", data={"a": "b"})
    assert (response.status_code, response.headers.get_list("x-twice")) == (200, ["a", "b"])

    async def parts():
        yield b"streamed "
        yield b"body"

    await client.client.post(f"{server.base}/ok", content=parts())
    assert b"streamed " in server.requests[-1]
    with pytest.raises(httpx.ConnectError):
        await client.client.get("http://127.0.0.1:1/")
    with pytest.raises(httpx.ReadError):
        await client.client.get(f"{server.base}/reset")
    await client.aclose()


async def test_what_the_request_says_of_itself_goes_out_as_httpx_has_it(server):
    """Host, User-Agent, query and several headers of one name are the request's own; a fragment stays here."""
    client = HttpClient(HttpSettings(trust_env=False), event_hooks={"request": []})
    headers = [("Host", "named.example"), ("User-Agent", "mine/1"), ("X-Two", "a"), ("X-Two", "b")]
    await client.client.get(f"{server.base}/ok?a=%2F&b=c#part", headers=headers)
    (sent,) = server.requests
    assert sent.startswith(b"GET /ok?a=%2F&b=c HTTP/1.1\r\n")
    lines = sent.lower().split(b"\r\n")
    assert [line for line in lines if line.startswith((b"host:", b"user-agent:", b"x-two:"))] == [
        b"host: named.example",
        b"user-agent: mine/1",
        b"x-two: a",
        b"x-two: b",
    ]
    await client.aclose()


async def test_hundreds_in_flight_through_the_client_share_its_connections(server):
    """The pool behind the client is the one of plain calls: what is done is used again, none is left over."""
    client = HttpClient(HttpSettings(trust_env=False), event_hooks={"request": []})
    for _ in range(3):
        answers = await asyncio.gather(*(client.client.get(f"{server.base}/ok") for _ in range(100)))
        assert {answer.text for answer in answers} == {"ok"}
    assert len(server.requests) == 300
    assert server.connections <= 100
    await client.aclose()


async def test_a_read_timeout_of_the_callers_bounds_the_answer(server):
    """A read timeout of the caller's bounds the answer."""
    client = HttpClient(HttpSettings(trust_env=False))
    with pytest.raises(httpx.ReadTimeout):
        await client.client.get(f"{server.base}/hang", timeout=0.05)
    await client.aclose()


async def test_a_client_that_was_there_before_the_mock_meets_it_too(server, request):
    """The mock takes over clients made before it, and leaves them with its end."""
    client = HttpClient(HttpSettings(trust_env=False))
    assert client.is_direct
    httpx_mock = request.getfixturevalue("httpx_mock")
    assert not client.is_direct
    httpx_mock.add_response(url=f"{server.base}/ok", text="mocked")
    assert (await client.send(Request("GET", f"{server.base}/ok"), soon())).body == b"mocked"
    assert server.connections == 0
    await client.aclose()


@pytest.mark.parametrize("options", [{}, {"event_hooks": {"request": []}}], ids=["plain", "client"])
async def test_with_pytest_httpx_active_no_request_leaves_and_it_answers(httpx_mock, server, options):
    """With pytest_httpx active no request leaves and it answers."""
    client = HttpClient(**options)
    httpx_mock.add_response(url=f"{server.base}/mocked", json={"id": "prod_1"})
    answer = await client.send(Request("POST", f"{server.base}/mocked", content=b"x", mutation=True), soon())
    assert answer.body == b'{"id":"prod_1"}'
    httpx_mock.add_exception(httpx.ConnectError("refused"))
    with pytest.raises(NetworkError):
        await client.send(Request("GET", f"{server.base}/other"), soon())
    assert server.connections == 0
    await client.aclose()


@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
async def test_with_pytest_httpx_active_an_unmocked_request_fails_instead_of_leaving(httpx_mock, server):
    """With pytest_httpx active an unmocked request fails instead of leaving."""
    client = HttpClient()
    with pytest.raises(Exception, match="No response can be found"):
        await client.send(Request("GET", f"{server.base}/ok"), soon())
    assert server.connections == 0
    await client.aclose()


async def test_proxies_of_the_environment_are_used_and_no_proxy_is_honoured(server, monkeypatch):
    """Proxies of the environment are used and NO_PROXY is honoured."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.base)
    monkeypatch.setenv("NO_PROXY", "direct.invalid, 127.0.0.1")
    for transport in ("auto", "httpx"):
        server.requests.clear()
        client = HttpClient(HttpSettings(transport=transport))
        answer = await client.send(Request("GET", "http://behind.invalid/ok"), soon())
        assert answer.body == b"ok"
        assert server.requests[0].startswith(b"GET http://behind.invalid/ok ")
        with pytest.raises(NetworkError, match=r"direct\.invalid"):
            await client.send(Request("GET", "http://direct.invalid/"), soon())
        assert len(server.requests) == 1
        await client.aclose()
