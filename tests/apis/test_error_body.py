"""What errors of other APIs say: the usual forms as a table, and that no form is without words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host.apis.answers import interpret
from host.apis.error_body import page_text, read_error
from host.errors import ApiError, CallError
from host.http.message import Response
from tests.apis.documents import answers, small

# body → its message, whole
FORMS: list[tuple[Any, str]] = [
    # FastAPI and pydantic
    (
        {"detail": [{"loc": ["body", "items", 0, "price"], "msg": "Input should be a number", "type": "x"}]},
        "items.0.price: Input should be a number",
    ),
    (
        {"detail": [{"loc": ["query", "n"], "msg": "a"}, {"loc": ["path", "id"], "msg": "b"}]},
        "query.n: a; path.id: b",
    ),
    ({"detail": {"kind": "limit", "message": "too long"}}, "too long"),
    ({"detail": "Not found."}, "Not found."),
    # RFC 9457
    ({"type": "https://x/credit", "title": "No credit", "status": 422, "detail": "Balance is 30"}, "Balance is 30"),
    (
        {"title": "Your request is not valid.", "errors": [{"detail": "must be positive", "pointer": "#/age"}]},
        "Your request is not valid. (#/age: must be positive)",
    ),
    (
        {"title": "Invalid", "invalid-params": [{"name": "age", "reason": "must be positive"}]},
        "Invalid (age: must be positive)",
    ),
    # lists
    ({"errors": ["first", "second"]}, "first; second"),
    ({"errors": [{"title": "T", "detail": "D", "source": {"pointer": "/data/name"}}]}, "/data/name: D"),
    ({"errors": [{"code": 32, "message": "Could not authenticate you."}]}, "Could not authenticate you."),
    ({"errors": [f"e{n}" for n in range(9)]}, "e0; e1; e2; e3; e4; and 4 more"),
    ({"errors": "one text"}, "one text"),
    ([{"message": "Session expired", "errorCode": "INVALID_SESSION_ID"}], "Session expired"),
    (["a", "b"], "a; b"),
    ("just text", "just text"),
    ({"message": "m is bad", "errors": [{"field": "a", "message": "required"}]}, "m is bad (a: required)"),
    (
        {"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "missing_field"}]},
        "Validation Failed (title: missing_field)",
    ),
    (
        {"statusCode": 400, "message": ["a must be a string", "b was expected"], "error": "Bad Request"},
        "a must be a string; b was expected",
    ),
    # Google, Microsoft, Elasticsearch, AWS, Apigee, PayPal
    (
        {
            "error": {
                "code": 400,
                "message": "Bad",
                "status": "INVALID_ARGUMENT",
                "details": [
                    {"@type": "x/BadRequest", "fieldViolations": [{"field": "name", "description": "is empty"}]}
                ],
            }
        },
        "Bad (name: is empty)",
    ),
    ({"error": {"message": "m", "errors": [{"message": "m", "reason": "r"}], "code": 403}}, "m"),
    ({"error": {"code": "X", "message": {"lang": "en", "value": "No such thing"}}}, "No such thing"),
    ({"error": {"type": "t", "reason": "no such index"}, "status": 404}, "no such index"),
    ({"__type": "ValidationException", "Message": "bad key"}, "bad key"),
    ({"fault": {"faultstring": "Quota passed", "detail": {"errorcode": "policies"}}}, "Quota passed"),
    (
        {"name": "INVALID_REQUEST", "message": "Malformed.", "details": [{"field": "/a", "description": "due"}]},
        "Malformed. (/a: due)",
    ),
    # OAuth and its neighbours
    ({"error": "invalid_grant", "error_description": "why it is bad"}, "why it is bad"),
    ({"error": "text"}, "text"),
    ({"error": {"message": "m"}}, "m"),
    ({"msg": "m"}, "m"),
    ({"timestamp": 1, "status": 500, "error": "Internal Server Error", "message": "boom", "path": "/x"}, "boom"),
    ({"errorCode": "E0000011", "errorSummary": "Invalid token", "errorCauses": []}, "Invalid token"),
    # by field: Rails, Django, Laravel, ASP.NET
    (
        {"email": ["is taken"], "title": ["can't be blank", "is too short"]},
        "email: is taken; title: can't be blank; is too short",
    ),
    ({"errors": {"title": ["can't be blank"]}}, "title: can't be blank"),
    ({"message": "Invalid.", "errors": {"email": ["is taken"]}}, "Invalid. (email: is taken)"),
    ({"non_field_errors": ["Unable to log in."]}, "Unable to log in."),
    # nothing that is known
    ({"weird": 1, "ok": False, "why": {"because": "so"}}, "weird: 1; ok: false; why: because: so"),
    ({"api_key": "s3cret", "password": ["hunter2"]}, "api_key: …; password: …"),
    # Stripe's, word for word
    ({"error": {"message": "Declined.", "param": "source", "code": "c", "type": "card_error"}}, "Declined."),
]


@pytest.mark.parametrize(("body", "message"), FORMS, ids=lambda value: str(value)[:60])
def test_the_usual_forms_say_what_they_say(body: Any, message: str) -> None:
    """The whole message of each; a place in the request stands before what is wrong with it."""
    catalog = small({"/x": {"post": {"operationId": "do_it", "responses": answers({})}}})
    operation = catalog.operation("do_it")
    assert operation is not None
    with pytest.raises(ApiError) as caught:
        interpret(catalog, operation, Response(422, {"content-type": "application/json"}, json.dumps(body).encode()))
    assert caught.value.message == message
    assert caught.value.body == body


@pytest.mark.parametrize("wrap", ["error", "errors", "detail", "data", "response", "x"])
@pytest.mark.parametrize(
    "word", ["message", "Message", "error_message", "errorMessage", "msg", "description", "reason"]
)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_words_are_found_wherever_they_stand(wrap: str, word: str, depth: int) -> None:
    """In any spelling, in objects and lists within each other."""
    body: Any = {word: "what is wrong"}
    for level in range(depth):
        body = {wrap: [body] if level % 2 else body}
    said = read_error(body)
    assert said is not None
    assert "what is wrong" in said.message


@pytest.mark.parametrize("body", [None, 1, True, {}, [], [1], "", {"a": {"a": {"a": {}}}}])
def test_what_says_nothing_is_no_error_or_has_no_words(body: Any) -> None:
    """Nothing is made up."""
    said = read_error(body)
    assert said is None or said.message == ""


@pytest.mark.parametrize(
    ("body", "code", "type", "param"),
    [
        ({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "m"}}, "403", "PERMISSION_DENIED", None),
        ({"error": "invalid_grant"}, "invalid_grant", None, None),
        ({"error": "Something went wrong"}, None, None, None),
        ({"errors": [{"code": "E1", "detail": "d", "source": {"pointer": "/a"}}]}, "E1", None, "/a"),
        ({"detail": [{"loc": ["body", "a", 0], "msg": "m", "type": "t"}]}, None, "t", "a.0"),
        ({"message": "m", "errors": [{"field": "a", "code": "x"}, {"field": "b", "code": "y"}]}, None, None, None),
        ({"errorCode": "Z", "errorType": "T", "message": "m"}, "Z", "T", None),
        ({"__type": "Throttled", "message": "m"}, None, "Throttled", None),
        ({"type": "about:blank", "title": "Gone"}, None, None, None),
    ],
)
def test_code_type_and_place_are_read_where_one_error_has_them(
    body: Any, code: str | None, type: str | None, param: str | None
) -> None:
    """Of several errors none is picked."""
    said = read_error(body)
    assert said is not None
    assert (said.code, said.type, said.param) == (code, type, param)


def test_members_are_those_of_the_error_object_and_what_stands_beside_it() -> None:
    """The innermost wins; an only item of a list counts."""
    said = read_error({"error": {"a": 1, "b": 2}, "b": 3, "trace": "t"})
    assert said is not None
    assert said.members == {"a": 1, "b": 2, "trace": "t"}
    said = read_error({"type": "t", "title": "x", "balance": 30})
    assert said is not None
    assert said.members == {"type": "t", "title": "x", "balance": 30}
    said = read_error({"errors": [{"title": "x"}]})
    assert said is not None
    assert said.members["title"] == "x"


@pytest.mark.parametrize("name", sorted(CallError.RESERVED))
def test_no_member_takes_the_place_of_a_name_of_the_hosts(name: str) -> None:
    """Whatever an API calls its members, a script reads its own host's word there."""
    error = ApiError("ours", members={name: "theirs", "more": 1})
    assert error.facts().get(name) != "theirs"
    assert error.facts()["more"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plain  text\n", "plain text"),
        (
            "<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>",
            "The key does not exist.",
        ),
        ("<soap:Fault><faultcode>c</faultcode><faultstring>No &amp; never</faultstring></soap:Fault>", "No & never"),
        (
            "<html><head><title>502</title><style>p {}</style></head><body><h1>Bad Gateway</h1><script>x<y</script>",
            "502 Bad Gateway",
        ),
        ("<" * 20000, ""),
        ("a < b", "a"),
    ],
)
def test_pages_are_recognised_by_their_words(text: str, words: str) -> None:
    """Of XML the message, of HTML what a reader sees."""
    assert page_text(text) == words


def test_an_apis_own_text_stays_as_it_is() -> None:
    """Line breaks too; only what is longer than anybody reads is cut, and says so."""
    said = read_error({"error": {"message": "two\nlines  of it"}})
    assert said is not None
    assert said.message == "two\nlines  of it"
    said = read_error({"message": "x" * 5000})
    assert said is not None
    assert (len(said.message), said.message[-1]) == (2000, "…")
