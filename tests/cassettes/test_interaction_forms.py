"""Requests and answers as a cassette has them: what is compared, what is left out, and that no secret is in it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from host.apis.api import Api
from host.apis.stripe import load
from host.cassettes.interaction_forms import InteractionForms
from host.errors import CallError, CallTimeout, NetworkError, UnexpectedAnswer, kinds
from host.http.guarded_client import WebRequest
from host.http.message import Attempt, Request, Response
from host.policy.redaction import Redactor
from host.secret import Secret

KEY = "sk_test_0123456789abcdefghijklmn"
HOME = "https://api.stripe.com"


@pytest.fixture(scope="module")
def forms() -> InteractionForms:
    return InteractionForms(
        {"stripe": Api(load(), HOME, Secret(KEY))}, Redactor([Secret(KEY), Secret("hunter2-hunter2")])
    )


def api(path: str = "/v1/products", base: str = HOME, **more: Any) -> Request:
    return Request("POST", base + path, operation="stripe.products.create", credential="stripe", **more)


def web(url: str = "https://example.com/a", **more: Any) -> WebRequest:
    return WebRequest(method="POST", url=url, operation="http.post", **more)


FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
JSON = (("Content-Type", "application/json"),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (api(headers=(*FORM, ("Idempotency-Key", "a"))), api(headers=(*FORM, ("Idempotency-Key", "b")))),
        (api(headers=(("User-Agent", "luahost/1"),)), api(headers=(("User-Agent", "luahost/2"),))),
        (api(run_id="run_1"), api(run_id="run_2")),
        (api(timeout=1.0, retries=3), api()),
        (api("/v1/products?b=2&a=1"), api("/v1/products?a=1&b=2")),
        (api(headers=FORM, content=b"b=2&a=1"), api(headers=FORM, content=b"a=1&b=2")),
        (api(headers=JSON, content=b'{"a":1,"b":2}'), api(headers=JSON, content=b'{"b": 2, "a": 1}')),
        (api(headers=FORM, content=b"client_secret=one"), api(headers=FORM, content=b"client_secret=two")),
        (web(headers=(("Authorization", "Bearer a"),)), web(headers=(("authorization", "Bearer b"),))),
        (web("https://example.com/a?api_key=one"), web("https://example.com/a?api_key=two")),
        (web("https://me:one@example.com/a"), web("https://example.com/a")),
        (web("https://example.com/a#here"), web("https://example.com/a")),
    ],
)
def test_what_differs_each_time_does_not_tell_requests_apart(
    forms: InteractionForms, one: Request, other: Request
) -> None:
    """Keys, clients, the order of members, secrets that are left out."""
    assert forms.request(one) == forms.request(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (api(), api("/v1/prices")),
        (api("/v1/products?a=1"), api("/v1/products?a=2")),
        (api("/v1/products?a=1&a=2"), api("/v1/products?a=2&a=1")),
        (api(headers=FORM, content=b"a=1"), api(headers=FORM, content=b"a=2")),
        (api(headers=FORM, content=b"a="), api(headers=FORM, content=b"")),
        (api(headers=JSON, content=b'{"a":[1,2]}'), api(headers=JSON, content=b'{"a":[2,1]}')),
        (api(headers=JSON, content=b'{"a":1}'), api(headers=JSON, content=b'{"a":"1"}')),
        (api(headers=(("Stripe-Account", "acct_1"),)), api(headers=(("Stripe-Account", "acct_2"),))),
        (api(headers=(("Stripe-Account", "acct_1"),)), api()),
        (web(), web("https://example.org/a")),
        (web(), web("http://example.com/a")),
        (web(content=b"a"), web(content=b"b")),
        (web(content=b"\x00a"), web(content=b"\x00b")),
        (web(headers=(("Idempotency-Key", "a"),)), web(headers=(("Idempotency-Key", "b"),))),
        (web(headers=(("Content-Type", "text/csv"),), content=b"a"), web(headers=JSON, content=b"a")),
        (web(headers=(("Authorization", "Bearer a"),)), web()),
    ],
)
def test_what_is_asked_tells_requests_apart(forms: InteractionForms, one: Request, other: Request) -> None:
    """Method, place, each member of query and body, the headers that say for whom."""
    assert forms.request(one) != forms.request(other)


def test_where_an_api_is_does_not_matter(forms: InteractionForms) -> None:
    """What was recorded on a port of this machine is replayed as of the real API."""
    here = InteractionForms({"stripe": Api(load(), "http://127.0.0.1:12111", None)}, Redactor())
    assert here.request(api(base="http://127.0.0.1:12111")) == forms.request(api())
    assert forms.request(api()) == {"method": "POST", "api": "stripe", "path": "/v1/products"}
    other = forms.request(Request("POST", "https://files.stripe.com/v1/files", operation="stripe.files.create"))
    assert other == {"method": "POST", "api": "stripe", "path": "/v1/files"}


@pytest.mark.parametrize(("there", "here"), [("", ""), ("/api/v2", ""), ("", "/api/v2"), ("/a/", "/b")])
def test_links_in_answers_lead_to_where_the_api_is_now(there: str, here: str) -> None:
    """A page's link to the next one is of the machine it was recorded on, and is not written down."""
    recording, replaying = (
        InteractionForms({"stripe": Api(load(), base, None)}, Redactor())
        for base in (f"http://127.0.0.1:12111{there}", f"{HOME}{here}")
    )
    before, now = f"http://127.0.0.1:12111{there.rstrip('/')}", f"{HOME}{here}"
    headers = {"link": f'<{before}/v1/x?page=2>; rel="next"', "content-type": "application/json"}
    form = recording.answer(api(), Response(200, headers, json.dumps({"next": f"{before}/v1/x?page=2"}).encode()))
    assert "127.0.0.1" not in json.dumps(form)
    back = replaying.outcome(form, api())
    assert isinstance(back, Response)
    assert back.headers["link"] == f'<{now}/v1/x?page=2>; rel="next"'
    assert json.loads(back.body) == {"next": f"{now}/v1/x?page=2"}


SECRETS = ["hunter2-hunter2", KEY, b64encode(KEY.encode()).decode(), b64encode(f"{KEY}:".encode()).decode()]
PRIVATE = ["client_secret", "password", "api_key", "access_token", "card[cvc]", "card[number]"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "text/plain", "image/png"])
def test_a_known_secret_is_nowhere_in_a_request_or_answer(forms: InteractionForms, secret: str, kind: str) -> None:
    """In the URL, a header, the body, in each form it may take; of each answer and error."""
    body = {"application/json": json.dumps({"a": [secret]}), "application/x-www-form-urlencoded": f"a={secret}"}
    content = body.get(kind, f"the secret is {secret}.").encode()
    header = ("Content-Type", kind)
    asked = web(f"https://example.com/{secret}?q={secret}", headers=(("X-Any", secret), header), content=content)
    answers = [Response(200, {"x-any": secret, "content-type": kind}, content), NetworkError(f"it said {secret}")]
    shown = json.dumps([forms.request(asked), *(forms.answer(asked, each) for each in answers)])
    assert secret not in shown
    assert KEY not in shown


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("of", [api, web])
def test_a_private_member_is_named_and_not_shown(forms: InteractionForms, name: str, of: Any) -> None:
    """Whatever its value is: in a query, a form, JSON, a list, a part."""
    part = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\nprivate-1\r\n--x--\r\n'.encode()
    requests = [
        of(headers=FORM, content=f"{name}=private-1&{name}=private-1".encode()),
        of(headers=FORM, content=f"{name}=private-1".encode()),
        of(headers=JSON, content=json.dumps({name: "private-1", "in": [{name: ["private-1"]}]}).encode()),
        of(headers=(("Content-Type", "multipart/form-data; boundary=x"),), content=part),
    ]
    answer = Response(200, {"content-type": "application/json"}, json.dumps({name: "private-1"}).encode())
    for shown in [*map(forms.request, requests), forms.answer(of(), answer)]:
        assert name in json.dumps(shown)
        assert "private-1" not in json.dumps(shown)
        assert "[redacted]" in json.dumps(shown)


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization", "X-Api-Key", "X-Token"]
)
def test_a_header_with_credentials_is_named_and_not_shown(forms: InteractionForms, name: str) -> None:
    """Of a request, and of an answer that a script sees."""
    asked = web(headers=((name, "Bearer private-1"),))
    answer = Response(200, {name.lower(): "private-1"}, b"")
    for shown in (forms.request(asked), forms.answer(asked, answer)):
        assert shown["headers"] == {name.lower(): "[redacted]"}


def test_redacted_answers_are_the_same_with_any_key() -> None:
    """Two people who record the same with keys of their own get the same lines."""
    shown = []
    for key in (KEY, "sk_test_another-key-of-another-one"):
        forms = InteractionForms({}, Redactor([Secret(key)]))
        shown.append(forms.request(web(content=f"key {key}".encode())))
    assert shown[0] == shown[1]


ERRORS = [kind for name, kind in sorted(kinds().items()) if name != "call"]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.kind)
def test_every_kind_of_failure_is_had_back_with_its_facts(forms: InteractionForms, kind: type[CallError]) -> None:
    """What a script learns of a failed call is what it learned then."""
    error = kind(
        "it failed", status=503, code="c", outcome="unknown", phase="response", retryable=True, retry_after=2.0
    )
    error.earlier = (Attempt(1.0, 0.5, 503, None, 0.0, 0.0), Attempt(2.0, 0.5, None, "network", 0.0, 0.0))
    form = json.loads(json.dumps(forms.answer(api(), error)))
    assert form["earlier"] == [503, "network"]
    back = forms.outcome(form, api())
    assert type(back) is kind
    assert isinstance(back, CallError)
    given = {**error.facts(), "attempts": 3, "operation": "stripe.products.create"}
    assert (back.facts(), back.retry_after) == (given, 2.0)


def test_an_answer_after_several_attempts_is_had_back(forms: InteractionForms) -> None:
    """With how many there were and that a change may have been made by an earlier one."""
    earlier = (Attempt(1.0, 0.5, 500, None, 0.0, 0.0),)
    answer = Response(200, {"content-type": "application/json"}, b"{}", attempts=2, in_doubt=True, earlier=earlier)
    back = forms.outcome(json.loads(json.dumps(forms.answer(api(), answer))), api())
    assert isinstance(back, Response)
    assert (back.status, back.attempts, back.in_doubt, back.body) == (200, 2, True, b"{}")
    assert [each.status for each in back.earlier] == [500]


@pytest.mark.parametrize(
    "error", [NetworkError("n"), CallTimeout("t", phase="connect"), UnexpectedAnswer("u", status=200)]
)
def test_what_was_never_said_is_not_made_up(forms: InteractionForms, error: CallError) -> None:
    """An error's form has what is known of it."""
    form = forms.answer(api(), error)["error"]
    assert None not in form.values()
    assert form["kind"] == error.kind
