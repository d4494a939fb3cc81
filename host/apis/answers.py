"""Converts an HTTP answer to its decoded value, or raises the right error."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from host.apis import media_types
from host.apis.catalog import Catalog, Operation, Schema
from host.apis.json_values import decode_json
from host.apis.nearest import short
from host.apis.validation_error import EXACT
from host.decoding import MOST_TEXT, MOST_VALUES, check_json
from host.errors import ApiError, LimitError, Outcome, UnexpectedAnswer, cut_text
from host.http.message import Response
from host.http.outcome import IDEMPOTENT, is_not_simulated, refusal

if TYPE_CHECKING:
    from host.apis.error_body import ErrorText

MOST_SHOWN = 100  # characters of an unexpected answer's text
LONGEST_READ = 1 << 14  # characters of it that are searched for a message
LONGEST_BODY = 1 << 16  # bytes kept of an error's body that is not JSON
_KEYS = r"\b((?:sk|rk|pk|whsec|ek|Bearer|Basic)[_ ](?:live_|test_)?)[A-Za-z0-9_+/=.\-]{4,}"
_LENIENT = (
    "With --lenient (HOST_LENIENT=true, Host(lenient=True)) the simulator stores and answers it by its shape, and the "
    "run ends with a list of what was not modelled."
)
_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


def interpret(catalog: Catalog, operation: Operation, answer: Response) -> Any:
    """The value of a 2xx answer: decoded JSON, text or bytes, as the operation returns; ``None`` without content.

    Integers beyond 2^53 become strings. Raises ``ApiError`` for an error of the API, and ``UnexpectedAnswer`` for an
    answer that is not in the API's form.
    """
    if 200 <= answer.status < 300:
        return _value(catalog, operation, answer)
    if answer.status >= 400:
        from host.apis.error_body import read_error  # most answers are no errors

        body = _decoded(answer)
        said = read_error(body)
        if said is not None:
            raise _api_error(catalog, operation, answer, body, said)
    what = "a status the API does not use"
    if answer.status >= 400:
        what = "an error that is not in the API's form"
    elif answer.status >= 300:
        to = _masked(short(answer.headers.get("location", "")))
        what = f"a redirect to {to}, not followed" if to else "a redirect, not followed"
    return _unexpected(catalog, operation, answer, what)


def created(catalog: Catalog, operation: Operation, answer: Response, text: str) -> str | int | None:
    """The id in the 2xx answer to a create, whose body is ``text``, read without decoding the rest. ``None`` if
    :func:`interpret` is needed.
    """
    if not (operation.returns_id and 200 <= answer.status < 300) or len(answer.body) > MOST_TEXT:
        return None
    try:
        id = _only(catalog.facts.id_field)(text).id
    except (ValueError, RecursionError):
        return None
    return id if type(id) is not int or -EXACT <= id <= EXACT else None


@functools.cache
def _only(field: str) -> Callable[[str], Any]:
    """A decoder of one member of an object, which is much faster than decoding all of it."""
    form = msgspec.defstruct("Only", [("id", str | int | None, None)], rename={"id": field})
    return msgspec.json.Decoder(form).decode


def _value(catalog: Catalog, operation: Operation, answer: Response) -> Any:
    result = operation.result
    if operation.answers:
        done, value = _documented(catalog, operation, answer)
        if done:
            return value
    if result is None:
        return None if answer.status == 204 else _optional(catalog, operation, answer)
    if result.type == "string" and result.format == "binary" and answer.status != 204:
        return answer.body
    if answer.status == 204 or not answer.body.strip():
        if _may_be_empty(catalog, operation):
            return None
        what = "no content" if answer.status == 204 else "an empty body"
        _unexpected(catalog, operation, answer, f"{what} where {_due(catalog, result)} was expected")
    shape = catalog.resolve(result)
    if shape.type == "string" and "json" not in answer.headers.get("content-type", "json"):
        return _text(answer)
    value = _json(catalog, operation, answer)
    return value if _is_accepted(catalog, operation) else _checked(catalog, operation, answer, shape, value)


def _documented(catalog: Catalog, operation: Operation, answer: Response) -> tuple[bool, Any]:
    """Whether the document has an answer of this status and content type besides the usual JSON; and its value."""
    status = str(answer.status)
    names = (status, f"{status[0]}XX", f"{status[0]}xx", "default")
    by_status = {each.status: each for each in operation.answers}
    said = next((by_status[name] for name in names if name in by_status), None)
    if said is None:
        return False, None
    if not answer.body.strip():
        return not said.content_types, None
    kind = answer.headers.get("content-type", "")
    if not kind or not any(media_types.fits(kind, each) for each in said.content_types):
        return False, None
    if media_types.is_lines(kind):
        return True, _lines(catalog, operation, answer)
    if media_types.is_json(kind):
        # An answer of another status may have another form.
        return (True, _json(catalog, operation, answer)) if said.schema != operation.result else (False, None)
    if any(media_types.is_json(each) for each in said.content_types if media_types.is_range(each)):
        return False, None
    return True, _text(answer) if media_types.body_kind(kind) == "text" else answer.body


def _json(catalog: Catalog, operation: Operation, answer: Response) -> Any:
    try:
        return decode_json(answer.body)
    except LimitError as error:
        _too_much(catalog, operation, answer, error)
    except ValueError as error:
        if (
            _is_accepted(catalog, operation)
            and media_types.plain(answer.headers.get("content-type", "")) == "text/plain"
        ):
            return _text(answer)
        fault = _charset_fault(answer) or f"a body that is not JSON ({_reason(error)})"
        _unexpected(catalog, operation, answer, fault)


def _lines(catalog: Catalog, operation: Operation, answer: Response) -> list[Any]:
    """JSON values, one on each line (ndjson), or each after a record separator (RFC 7464)."""
    found: list[Any] = []
    try:
        check_json(answer.body.replace(b"\n", b","), MOST_VALUES)
        for line in answer.body.replace(b"\x1e", b"\n").split(b"\n"):
            if line.strip():
                found.append(decode_json(line))
    except LimitError as error:
        _too_much(catalog, operation, answer, error)
    except ValueError as error:
        fault = f"line {len(found) + 1} that is not JSON ({_reason(error)})"
        _unexpected(catalog, operation, answer, _charset_fault(answer) or fault)
    return found


def _checked(catalog: Catalog, operation: Operation, answer: Response, shape: Schema, value: Any) -> Any:
    """The value, if it has the documented form; else raises ``UnexpectedAnswer``."""
    expected = "list" if shape.type == "array" else "object"
    if shape.type in ("object", "array") or operation.returns_id:
        kind = list if expected == "list" else dict
        if not isinstance(value, kind) and not (value is None and shape.nullable):
            _unexpected(catalog, operation, answer, f"a JSON {_kind(value)} where {_an(expected)} was expected")
    if operation.returns_id and isinstance(value, dict):
        id = value.get(catalog.id_field)
        if id is None or id == "":
            _unexpected(catalog, operation, answer, f"an object without {catalog.id_field}")
    return value


def _is_accepted(catalog: Catalog, operation: Operation) -> bool:
    """Whether a 2xx status alone means success: for a change at an API whose document may be inexact, since an error
    would make the script repeat it. Stripe always answers with an object, so any other answer is not from Stripe.
    """
    return operation.mutation and catalog.name != "stripe"


def _too_much(catalog: Catalog, operation: Operation, answer: Response, error: LimitError) -> NoReturn:
    raise LimitError(
        f"{catalog.name} answered with {error.message}",
        status=answer.status,
        request_id=request_id(answer),
        attempts=answer.attempts,
        operation=f"{catalog.name}.{operation.id}",
        retryable=False,
        outcome="unknown" if operation.mutation else None,
        hint=error.hint,
    ) from None


def _may_be_empty(catalog: Catalog, operation: Operation) -> bool:
    """Whether a success may be empty: the document has such an answer, or describes none, or it was a change."""
    if operation.may_be_empty or _is_accepted(catalog, operation):
        return True
    shape = catalog.resolve(operation.result) if operation.result else None
    return shape is None or (not shape.type and not shape.any_of)


def _due(catalog: Catalog, result: Schema) -> str:
    kind = catalog.resolve(result).type
    return _an("list" if kind == "array" else kind if kind != "string" else "text") if kind else "an answer"


def _optional(catalog: Catalog, operation: Operation, answer: Response) -> Any:
    """The value of an answer that the document does not describe: decoded JSON, or ``None`` if it is not JSON."""
    try:
        return decode_json(answer.body) if answer.body.strip() else None
    except LimitError as error:
        _too_much(catalog, operation, answer, error)
    except ValueError:
        return None


def _decoded(answer: Response) -> Any:
    try:
        return decode_json(answer.body)
    except (ValueError, LimitError):
        return None


def _text(answer: Response) -> str:
    found = re.search(r"charset=\"?([\w\-]+)", answer.headers.get("content-type", ""))
    try:
        return answer.body.decode(found[1] if found else "utf-8", "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _charset_fault(answer: Response) -> str:
    try:
        answer.body.decode("utf-8")
    except UnicodeDecodeError:
        return "a body that is not UTF-8"
    return ""


def _reason(error: ValueError) -> str:
    text = str(error)
    return "it ends too early" if "truncated" in text or "Unterminated" in text else text.split(" (byte")[0]


def _api_error(catalog: Catalog, operation: Operation, answer: Response, body: Any, said: ErrorText) -> ApiError:
    return ApiError(
        _masked(said.message or f"{catalog.name} answered {answer.status}: {short(str(body))}"),
        status=answer.status,
        type=said.type,
        code=said.code,
        param=said.param,
        request_id=request_id(answer) or said.request_id,
        attempts=answer.attempts,
        operation=f"{catalog.name}.{operation.id}",
        retryable=_retryable(operation, answer),
        outcome=_outcome(operation, answer),
        retry_after=retry_after(answer),
        body=body,
        members=said.members,
        hint=_LENIENT if is_not_simulated(answer) else None,
    )


def request_id(answer: Response) -> str | None:
    """The API's id of the request, from the headers of its answer."""
    headers = answer.headers
    names = ("request-id", "x-request-id", "x-correlation-id", "x-amzn-requestid")
    return next((short(headers[name]) for name in names if headers.get(name)), None)


def retry_after(answer: Response) -> float | None:
    """``Retry-After`` in seconds, if it is a number (RFC 9110, 10.2.3, also allows a date)."""
    text = answer.headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text) else None


def _retryable(operation: Operation, answer: Response) -> bool:
    """Whether repeating the request may help, and cannot make the same change twice."""
    said = answer.headers.get("stripe-should-retry")
    helps = said == "true" if said in ("true", "false") else answer.status in _RETRYABLE
    if not helps or operation.keyed or operation.method in IDEMPOTENT:
        return helps
    return _outcome(operation, answer) == "rejected"


def _outcome(operation: Operation, answer: Response) -> Outcome | None:
    """The outcome of a mutation according to the answer."""
    return refusal(answer) if operation.mutation else None


def _unexpected(catalog: Catalog, operation: Operation, answer: Response, what: str) -> NoReturn:
    from host.apis.error_body import page_text  # most answers are no errors

    kind = answer.headers.get("content-type", "no content type")
    text = _masked(page_text(_text(answer)[:LONGEST_READ]))
    shown = f": {text[:MOST_SHOWN]}{'…' if len(text) > MOST_SHOWN else ''}" if text else ""
    raise UnexpectedAnswer(
        f"{catalog.name} answered with {what} (status {answer.status}, {kind}){shown}",
        status=answer.status,
        request_id=request_id(answer),
        attempts=answer.attempts,
        operation=f"{catalog.name}.{operation.id}",
        retryable=_retryable(operation, answer),
        outcome=_outcome(operation, answer),
        retry_after=retry_after(answer),
        body=body_of(answer),
    )


def body_of(answer: Response) -> Any:
    """The body of an answer for error objects: decoded JSON, or else its text, cut off."""
    if not answer.body.strip():
        return None
    body = _decoded(answer)
    return cut_text(_text(answer), LONGEST_BODY) if body is None else body


def _masked(text: str) -> str:
    """Redact keys of known forms. Callers that know the secrets redact these, too."""
    return re.sub(_KEYS, r"\1…", text)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "object", list: "list", str: "string", bool: "boolean"}
    return names.get(type(value), "number")


def _an(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
