"""Answers: a value, the API's own error, or a clear word on what came instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host.apis.answers import interpret
from host.apis.catalog import Catalog, Operation
from host.apis.options import CallOptions
from host.apis.prepare import prepare
from host.errors import ApiError, UnexpectedAnswer
from host.http.message import Response
from tests.apis.documents import answers, small

JSON = {"content-type": "application/json", "request-id": "req_1"}


def of(catalog: Catalog, id: str) -> Operation:
    operation = catalog.operation(id)
    assert operation is not None
    return operation


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, JSON | {k.replace("_", "-"): v for k, v in headers.items()}, content)


def test_an_object_is_its_value_and_large_integers_stay_exact(stripe: Catalog) -> None:
    """Beyond 2^53 an integer comes as a string; nothing else changes."""
    body = b'{"id":"p","n":9007199254740993,"m":9007199254740992,"k":-9007199254740993,"f":0.1,"s":"1"}'
    assert interpret(stripe, of(stripe, "products.create"), answer(body)) == {
        "id": "p",
        "n": "9007199254740993",
        "m": 9007199254740992,
        "k": "-9007199254740993",
        "f": 0.1,
        "s": "1",
    }
    huge = b'{"id":"p","n":' + b"9" * 5000 + b"}"
    assert interpret(stripe, of(stripe, "products.create"), answer(huge))["n"] == "9" * 5000


def test_a_stripe_error_keeps_all_its_facts(stripe: Catalog) -> None:
    """Type, code, param, message, request id; and what became of the mutation."""
    body = {"error": {"type": "card_error", "code": "card_declined", "param": "source", "message": "Declined."}}
    with pytest.raises(ApiError) as caught:
        interpret(stripe, of(stripe, "charges.create"), answer(body, 402))
    assert caught.value.facts() == {
        "kind": "api",
        "message": "Declined.",
        "status": 402,
        "code": "card_declined",
        "type": "card_error",
        "param": "source",
        "request_id": "req_1",
        "attempts": 1,
        "operation": "stripe.charges.create",
        "retryable": False,
        "outcome": "rejected",
        "body": body,
    }


@pytest.mark.parametrize(
    ("id", "status", "headers", "outcome", "retryable"),
    [
        ("charges.create", 400, {}, "rejected", False),
        ("charges.create", 429, {}, "rejected", True),
        ("charges.create", 500, {}, "unknown", True),
        ("charges.create", 500, {"stripe_should_retry": "false"}, "unknown", False),
        ("charges.create", 402, {"stripe_should_retry": "true"}, "rejected", True),
        ("charges.list", 500, {}, None, True),
    ],
)
def test_outcome_and_retryable(
    stripe: Catalog, id: str, status: int, headers: dict[str, str], outcome: str | None, retryable: bool
) -> None:
    """Only a mutation has an outcome; Stripe's own word on retrying wins."""
    with pytest.raises(ApiError) as caught:
        interpret(stripe, of(stripe, id), answer({"error": {"message": "m"}}, status, **headers))
    assert (caught.value.outcome, caught.value.retryable) == (outcome, retryable)


@pytest.mark.parametrize(
    ("body", "message", "code", "type"),
    [
        ({"type": "about:blank", "title": "Gone", "status": 410}, "Gone", None, None),
        ({"type": "https://x.test/p", "title": "T", "detail": "D"}, "D", None, "https://x.test/p"),
        ({"message": "Not Found", "documentation_url": "u"}, "Not Found", None, None),
        ({"error": "invalid_grant", "error_description": "Expired."}, "Expired.", "invalid_grant", None),
        ({"errors": [{"message": "bad", "code": "E1"}]}, "bad", "E1", None),
        ({"code": 7, "message": "m"}, "m", "7", None),
        ({"weird": 1}, "weird: 1", None, None),
        ({"error": {"code": "c", "message": "m", "user_message": "u"}}, "m", "c", None),
    ],
)
def test_errors_of_other_apis(body: Any, message: str, code: str | None, type: str | None) -> None:
    """Problem details (RFC 9457), OAuth's form, and what is usual."""
    catalog = small({"/x": {"get": {"operationId": "find", "responses": answers({})}}})
    with pytest.raises(ApiError) as caught:
        interpret(catalog, of(catalog, "find"), answer(body, 400))
    assert (caught.value.message, caught.value.code, caught.value.type) == (message, code, type)


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (answer(b'{"id":"p","a":' + b"[" * 100_000), "it is nested too deep"),
        (answer(b'{"id":"p","n":12345678901234567890,"a":' + b"[" * 100_000), "it is nested too deep"),
        (Response(200, {"content-type": "text/html"}, b"<html>Login</html>"), "a body that is not JSON"),
        (Response(200, JSON, b""), "an empty body"),
        (Response(200, JSON, b'{"id": "p'), "it ends too early"),
        (Response(200, JSON, b'{"id": "\xe9"}'), "a body that is not UTF-8"),
        (Response(200, JSON, b'{"object": "product"}'), "an object without id"),
        (Response(200, JSON, b"[]"), "a JSON list where an object was expected"),
        (Response(200, JSON, b"null"), "a JSON null where an object was expected"),
        (Response(200, JSON, b'{"id": NaN, "n": 12345678901234567890}'), "NaN is not JSON"),
        (
            Response(302, {"location": "https://evil.test/"}, b""),
            "a redirect to https://evil.test/, not followed",
        ),
        (Response(304, {}, b""), "a redirect, not followed"),
        (Response(502, {"content-type": "text/html"}, b"<h1>Bad Gateway</h1>"), ": Bad Gateway"),
        (Response(400, JSON, b"[1]"), "an error that is not in the API's form"),
        (Response(101, {}, b""), "a status the API does not use"),
    ],
)
def test_anything_else_is_unexpected_and_says_what_came(stripe: Catalog, came: Response, said: str) -> None:
    """Status, content type and the beginning of the text are in the message."""
    with pytest.raises(UnexpectedAnswer) as caught:
        interpret(stripe, of(stripe, "products.create"), came)
    assert said in caught.value.message
    assert f"status {came.status}" in caught.value.message
    assert caught.value.outcome == ("rejected" if 400 <= came.status < 500 else "unknown")


def test_a_long_answer_is_cut_and_its_keys_are_masked(stripe: Catalog) -> None:
    """A proxy that echoes the request must not put the key into a log."""
    text = b"sk_live_abcdefghijkl " + b"x" * 1000
    with pytest.raises(UnexpectedAnswer) as caught:
        interpret(stripe, of(stripe, "products.create"), Response(502, {}, text))
    assert "abcdef" not in caught.value.message
    assert "sk_live_…" in caught.value.message
    assert len(caught.value.message) < 300


def test_no_content_text_and_files(stripe: Catalog) -> None:
    """204 is nothing where the document has it; a PDF is its bytes; a text is itself."""
    assert interpret(stripe, of(stripe, "quotes.pdf"), Response(200, {}, b"%PDF\xff")) == b"%PDF\xff"
    plain = {"200": {"description": "", "content": {"text/plain": {}}}}
    none = {"204": {"description": ""}}
    catalog = small(
        {
            "/t": {"get": {"operationId": "text", "responses": plain}},
            "/n": {"delete": {"operationId": "nothing", "responses": none}},
        }
    )
    latin = Response(200, {"content-type": "text/plain; charset=latin-1"}, "é".encode("latin-1"))
    assert interpret(catalog, of(catalog, "text"), latin) == "é"
    assert interpret(catalog, of(catalog, "nothing"), Response(200, {}, b"ok")) is None


@pytest.mark.parametrize(
    ("status", "headers", "body", "outcome"),
    [
        (429, {}, b"{}", "unknown"),
        (402, {}, b"{}", "rejected"),
        (400, {}, b"{}", "rejected"),
        (400, {}, b'{"error": {"type": "idempotency_error"}}', "unknown"),
        (400, {"content-type": "text/html"}, b"<h1>Bad Request</h1>", "unknown"),
        *((status, {}, b"{}", "unknown") for status in (401, 403, 404, 407, 408, 409, 425, 500, 503, 302)),
        *((status, {"idempotent-replayed": "true"}, b"{}", "rejected") for status in (402, 404, 409, 429)),
        (500, {"idempotent-replayed": "true"}, b"{}", "unknown"),
    ],
)
def test_a_refusal_after_an_attempt_in_doubt_says_so_where_the_key_was_not_looked_at(
    stripe: Catalog, status: int, headers: dict[str, str], body: bytes, outcome: str
) -> None:
    """A 429 comes before the idempotency key is looked at, a declined card after; a replayed answer is the first's."""
    answer = Response(status, {**JSON, **headers}, body, attempts=2, in_doubt=True)
    with pytest.raises((ApiError, UnexpectedAnswer)) as caught:
        interpret(stripe, of(stripe, "products.create"), answer)
    assert caught.value.outcome == outcome


@pytest.mark.parametrize(
    ("code", "outcome"), [("idempotency_key_in_use", "unknown"), ("lock_timeout", "rejected"), (None, "rejected")]
)
def test_a_key_in_use_is_in_doubt_by_itself(stripe: Catalog, code: str | None, outcome: str) -> None:
    """This 409 says that another request under the key is under way; others are plain conflicts."""
    with pytest.raises(ApiError) as caught:
        interpret(stripe, of(stripe, "products.create"), answer({"error": {"code": code, "message": "m"}}, 409))
    assert caught.value.outcome == outcome


@pytest.mark.parametrize("status", [200, 201, 204])
def test_nothing_where_an_object_is_due_is_unexpected(stripe: Catalog, status: int) -> None:
    """For every operation of Stripe: no content is no success, and a change may have happened."""
    for id in stripe.operation_ids():
        operation = of(stripe, id)
        if operation.result is None or operation.result.format == "binary":
            continue
        with pytest.raises(UnexpectedAnswer) as caught:
            interpret(stripe, operation, Response(status, JSON, b""))
        assert caught.value.outcome == ("unknown" if operation.mutation else None), id


@pytest.mark.parametrize(
    ("method", "responses", "status", "fine"),
    [
        ("post", {"201": "object"}, 204, True),
        ("post", {"201": "object"}, 201, True),
        ("post", {"201": "object", "204": None}, 204, True),
        ("post", {"201": "object", "202": None}, 202, True),
        ("put", {"200": "object", "204": None}, 204, True),
        ("put", {"200": "object"}, 204, True),
        ("put", {"200": "array"}, 204, True),
        ("post", {"200": ""}, 204, True),
        ("post", {"204": None}, 204, True),
        ("delete", {"204": None}, 204, True),
        ("delete", {"200": "object"}, 204, True),
        ("delete", {"200": "object"}, 200, True),
        ("get", {"200": "object"}, 204, False),
        ("get", {"200": "object"}, 200, False),
        ("get", {"200": "object", "204": None}, 204, True),
    ],
)
def test_no_content_is_fine_of_a_change_and_where_the_document_has_it(
    method: str, responses: dict[str, str | None], status: int, fine: bool
) -> None:
    """A 2xx says that a change was made, whatever the document says of its answer; a read needs a value."""
    described: dict[str, Any] = {
        code: {"description": ""}
        | ({} if kind is None else {"content": {"application/json": {"schema": {"type": kind} if kind else {}}}})
        for code, kind in responses.items()
    }
    catalog = small({"/x": {method: {"operationId": "do_it", "responses": described}}})
    if fine:
        assert interpret(catalog, of(catalog, "do_it"), Response(status, JSON, b"")) is None
    else:
        with pytest.raises(UnexpectedAnswer, match="was expected"):
            interpret(catalog, of(catalog, "do_it"), Response(status, JSON, b""))


def test_all_that_the_api_said_is_on_the_error(stripe: Catalog) -> None:
    """Members of the error object are fields, the host's own names win, and the body is as it came."""
    told = {"type": "card_error", "code": "card_declined", "message": "No.", "decline_code": "lost_card",
            "charge": "ch_1", "payment_intent": {"id": "pi_1"}, "line": 7, "kind": "theirs", "outcome": "theirs",
            "fatal": True, "advice_code": None}  # fmt: skip
    with pytest.raises(ApiError) as caught:
        interpret(stripe, of(stripe, "charges.create"), answer({"error": told}, 402))
    facts = caught.value.facts()
    assert (facts["decline_code"], facts["charge"], facts["payment_intent"]) == ("lost_card", "ch_1", {"id": "pi_1"})
    assert (facts["kind"], facts["outcome"], facts["body"]) == ("api", "rejected", {"error": told})
    assert not {"line", "fatal", "advice_code"} & set(facts)
    brief = caught.value.brief()
    assert brief["decline_code"] == "lost_card"
    assert not {"payment_intent", "body"} & set(brief)


def test_a_body_that_is_no_json_is_its_text_cut(stripe: Catalog) -> None:
    """64 KB of it, in whatever encoding it came; nothing where nothing came."""
    for content, body in ((b"<h1>\xe9</h1>", "<h1>\xe9</h1>"), (b"x" * 100_000, "x" * 65536), (b" ", None)):
        with pytest.raises(UnexpectedAnswer) as caught:
            interpret(
                stripe,
                of(stripe, "products.create"),
                Response(502, {"content-type": "text/html; charset=latin-1"}, content),
            )
        assert caught.value.body == body
        assert caught.value.facts().get("body") == body


OBJECT = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


def answering(responses: dict[str, dict[str, Any] | None], method: str = "post") -> Catalog:
    """An operation ``do_it`` with these successes: content by media type, None without."""
    described: dict[str, Any] = {
        code: {"description": ""} | ({} if content is None else {"content": content})
        for code, content in responses.items()
    }
    return small({"/x": {method: {"operationId": "do_it", "responses": described}}})


def came(status: int, kind: str = "", body: bytes = b"") -> Response:
    return Response(status, {"content-type": kind} if kind else {}, body)


JSON_OBJECT = {"application/json": {"schema": OBJECT}}
DOCUMENTED: list[tuple[dict[str, Any], Response, Any]] = [
    ({"200": JSON_OBJECT, "202": None, "204": None}, came(202), None),
    ({"200": JSON_OBJECT, "202": None, "204": None}, came(204), None),
    ({"200": JSON_OBJECT, "2XX": None}, came(206), None),
    ({"200": JSON_OBJECT, "202": {"application/json": {"schema": {"type": "array"}}}},
     came(202, "application/json", b"[1]"), [1]),
    ({"200": JSON_OBJECT, "202": {"application/json": {"schema": {"type": "object"}}}},
     came(202, "application/json", b'{"job": 1}'), {"job": 1}),
    ({"200": {**JSON_OBJECT, "text/csv": {}}}, came(200, "text/csv; charset=latin-1", b"\xe9,1"), "é,1"),
    ({"200": {**JSON_OBJECT, "text/csv": {}}}, came(200, "application/json", b'{"id": "1"}'), {"id": "1"}),
    ({"200": JSON_OBJECT, "201": {"text/plain": {}}}, came(201, "text/plain", b"made"), "made"),
    ({"200": JSON_OBJECT, "201": {"application/pdf": {}}}, came(201, "application/pdf", b"%PDF\xff"), b"%PDF\xff"),
    ({"200": {"application/json": {"schema": OBJECT}, "image/*": {}}}, came(200, "image/png", b"\x89P"), b"\x89P"),
    ({"200": {"application/xml": {}, "application/json": {"schema": OBJECT}}},
     came(200, "application/xml", b"<a/>"), "<a/>"),
    ({"200": {"application/x-ndjson": {}}},
     came(200, "application/x-ndjson", b'{"a":1}\n\n{"a":2}\n'), [{"a": 1}, {"a": 2}]),
    ({"200": {"application/jsonl": {}}}, came(200, "application/jsonl", b'{"n":12345678901234567890}'),
     [{"n": "12345678901234567890"}]),
    ({"200": {"application/json-seq": {}}}, came(200, "application/json-seq", b"\x1e1\n\x1e2\n"), [1, 2]),
    ({"200": {"application/vnd.x+json": {"schema": OBJECT}}},
     came(200, "application/json", b'{"id": "1"}'), {"id": "1"}),
    ({"200": {"text/json": {"schema": OBJECT}}}, came(200, "text/json", b'{"id": "1"}'), {"id": "1"}),
    ({"default": JSON_OBJECT}, came(201, "application/json", b'{"id": "1"}'), {"id": "1"}),
    ({"200": {"text/event-stream": {}}}, came(200, "text/event-stream", b"data: 1\n"), "data: 1\n"),
]  # fmt: skip


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("responses", "answer", "value"), DOCUMENTED)
def test_every_documented_success_counts(responses: dict[str, Any], answer: Response, value: Any, method: str) -> None:
    """By its status and its content type: nothing, JSON, lines of it, text, bytes."""
    catalog = answering(responses, method)
    assert interpret(catalog, of(catalog, "do_it"), answer) == value


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (came(200), None),
        (came(201, "application/json"), None),
        (came(202), None),
        (came(204), None),
        (came(200, "text/plain", b"OK"), "OK"),
        (came(200, "application/json", b'"ok"'), "ok"),
        (came(200, "application/json", b"[]"), []),
        (came(200, "application/json", b'{"status": "queued"}'), {"status": "queued"}),
    ],
)
def test_a_change_that_was_accepted_is_no_error(answer: Response, value: Any) -> None:
    """Whatever the document says its answer is: an error would have the script make the change again."""
    catalog = answering({"200": JSON_OBJECT})
    assert interpret(catalog, of(catalog, "do_it"), answer) == value


@pytest.mark.parametrize(
    "answer",
    [
        came(200, "text/html", b"<html>Please log in</html>"),
        came(200, "application/json", b'{"id": "p'),
        came(302),
    ],
)
def test_what_is_not_the_apis_stays_an_error(answer: Response) -> None:
    """A proxy's page, an answer that breaks off, a redirect: nobody knows what became of the change."""
    catalog = answering({"200": JSON_OBJECT})
    with pytest.raises(UnexpectedAnswer) as caught:
        interpret(catalog, of(catalog, "do_it"), answer)
    assert caught.value.outcome == "unknown"


def test_a_line_that_is_no_json_is_named_by_its_number() -> None:
    """The rest of the lines would be missing."""
    catalog = answering({"200": {"application/x-ndjson": {}}}, "get")
    with pytest.raises(UnexpectedAnswer, match="line 2 that is not JSON"):
        interpret(catalog, of(catalog, "do_it"), came(200, "application/x-ndjson", b"1\n{\n"))


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        ({"application/json": {}}, "application/json"),
        ({"application/json; charset=utf-8": {}}, "application/json; charset=utf-8"),
        ({"application/vnd.github+json": {}}, "application/vnd.github+json"),
        ({"text/csv": {}, "application/json": {}}, "application/json"),
        ({"*/*": {}}, "application/json"),
        ({"application/*+json": {}}, "application/json"),
        ({"application/pdf": {}}, "*/*"),
        ({"application/x-ndjson": {}}, "application/x-ndjson"),
    ],
)
def test_what_the_document_has_is_asked_for(content: dict[str, Any], asked: str) -> None:
    """Accept names the document's own JSON; a call may name another type, and is then the only one heard."""
    catalog = answering({"200": content}, "get")
    operation = of(catalog, "do_it")
    assert dict(prepare(catalog, operation, {}, base_url="https://x.test").headers)["Accept"] == asked
    options = CallOptions.parse({"headers": {"accept": "text/csv"}})
    headers = prepare(catalog, operation, {}, options, base_url="https://x.test").headers
    assert [value for name, value in headers if name.lower() == "accept"] == ["text/csv"]
