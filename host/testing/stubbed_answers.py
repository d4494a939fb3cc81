"""Makes the answers of doubles: a test's value in the form of the API, the server or the function."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from host import arguments
from host.apis.api import Api
from host.apis.catalog import Operation
from host.apis.nearest import meant
from host.bridge.request import Reply
from host.calls.call import Call
from host.calls.pipeline import CallPipeline
from host.errors import InvalidCall
from host.events import CallStarted
from host.http.message import Response
from host.http.outcome import refusal
from host.libraries.fs.downloads import DownloadFile

__all__ = ["DoubleTarget", "answer", "call_arguments", "check_value", "target_of", "web_answer"]

REQUEST_ID = "req_double"
_WEB_FIELDS = ("status", "headers", "body", "json")


class DoubleTarget(msgspec.Struct, frozen=True):
    """The target of a double: an API's operation, a registered function, or a library's function such as http.get."""

    name: str
    kind: Literal["operation", "function", "http", "library"]
    api: Api | None = None
    operation: Operation | None = None
    mutation: bool = False

    @property
    def is_list(self) -> bool:
        """Whether the operation answers with a page of a list."""
        if self.api is None or self.operation is None or self.operation.result is None:
            return False
        shape = self.api.catalog.resolve(self.operation.result)
        return "data" in shape.properties and "has_more" in shape.properties


def target_of(pipeline: CallPipeline, name: str) -> DoubleTarget:
    """The target of a name. Raises ``InvalidCall`` with the nearest name if there is none."""
    function = pipeline.functions.get(name)
    if function is not None:
        return DoubleTarget(name, "function", mutation=function.mutation)
    head, _, rest = name.partition(".")
    if not rest and name.startswith("new_") and (built := pipeline.names.builder(name[4:])) is not None:
        return _of_operation(*built)
    if rest and head in pipeline.apis:
        return _operation(pipeline, name)
    if pipeline.libraries.has(name):
        return _library(pipeline, name)
    known = [*pipeline.functions, *(f"{api}." for api in pipeline.apis), *(f"http.{each}" for each in _METHODS)]
    raise InvalidCall(
        f"there is no {name[:100]} a script could call{meant(name, known)}",
        hint='Names are those of operations ("stripe.charges.create"), of registered functions, and "http.get" …',
    )


_METHODS = ("request", "get", "head", "post", "put", "patch", "delete", "options")


def _operation(pipeline: CallPipeline, name: str) -> DoubleTarget:
    path, *steps = name.split(".")
    for i, step in enumerate(steps):
        found = pipeline.names.member(path, step)  # raises with the nearest
        if isinstance(found, str):
            path = found
            continue
        api, operation, _ = found
        if operation is None or i + 1 < len(steps):
            break
        return _of_operation(api, operation)
    raise InvalidCall(f'{name[:100]} is not an operation; expected one such as "stripe.charges.create"')


def _of_operation(api: Api, operation: Operation) -> DoubleTarget:
    return DoubleTarget(f"{api.name}.{operation.id}", "operation", api, operation, operation.mutation)


def _library(pipeline: CallPipeline, name: str) -> DoubleTarget:
    head = name.partition(".")[0]
    if pipeline.libraries.find(name) is None:
        near = meant(name, [f"http.{each}" for each in _METHODS]) if head == "http" else ""
        raise InvalidCall(f"there is no {name[:100]} a script could call{near}")
    if head != "http":
        return DoubleTarget(name, "library", mutation=True)
    return DoubleTarget(name, "http", mutation=name not in ("http.get", "http.head", "http.options"))


def call_arguments(call: CallStarted) -> list[Any]:
    """The arguments of a call as a list; a builder's parameters are one table."""
    given = call.arguments
    if given and all(key == str(i) for i, key in enumerate(given, 1)):
        return list(given.values())
    return [given] if given else []


def check_value(target: DoubleTarget, value: Any) -> None:
    """Raise ``InvalidCall`` for a value that the target could not have answered."""
    if target.kind == "http":
        web_answer(target, value, None)
    elif target.kind == "operation":
        _body(target, value)


def answer(call: Call, target: DoubleTarget, value: Any) -> Reply:
    """The reply to a call with a test's value."""
    if target.kind == "operation":
        kind = "application/octet-stream" if isinstance(value, str | bytes) else "application/json"
        headers = {"content-type": kind, "request-id": REQUEST_ID}
        url, body = "", _body(target, value)
        if call.request is not None:
            url, file = call.request.url, call.request.sink
            if isinstance(file, DownloadFile):
                file.keep(body)
        return Reply(Response(200, headers, body, url=url))
    if target.kind == "http":
        return Reply(web_answer(target, value, call))
    return Reply(value)


def _body(target: DoubleTarget, value: Any) -> bytes:
    operation, api = target.operation, target.api
    assert operation is not None
    assert api is not None
    if operation.result is not None and operation.result.format == "binary":
        if not isinstance(value, str | bytes):
            raise InvalidCall(
                f"stub: {target.name} answers with a file's content, a string; got {arguments.shown(value)}"
            )
        return value.encode() if isinstance(value, str) else value
    if not isinstance(value, dict | list):
        raise InvalidCall(f"stub: {target.name} answers with a table, got {arguments.shown(value)}")
    if target.is_list:
        value = _page(target, operation, value)
    elif not value:
        value = {}
    elif isinstance(value, list) and operation.result is not None and api.name == "stripe":
        raise InvalidCall(f"stub: {target.name} answers with an object, got a list")
    if operation.returns_id and isinstance(value, dict) and value.get(api.catalog.id_field) in (None, ""):
        raise InvalidCall(
            f"stub: {target.name} answers with an object that has {api.catalog.id_field}; this one has none"
        )
    return msgspec.json.encode(value)


def _page(target: DoubleTarget, operation: Operation, value: Any) -> Any:
    """A list of objects as a page with all of them."""
    if isinstance(value, list) or not value:
        return {"object": "list", "data": list(value), "has_more": False, "url": operation.path}
    data = value.get("data")
    if not isinstance(data, list) and data not in (None, {}):
        raise InvalidCall(f"stub: {target.name} answers with a list of objects, or a table whose data is one")
    return {"object": "list", "has_more": False, "url": operation.path, **value, "data": data or []}


def web_answer(target: DoubleTarget, value: Any, call: Call | None) -> dict[str, Any]:
    """The result of ``http.get`` for ``{status = 200, headers = {…}, body = "…", json = {…}}``, or for a body alone."""
    given: Any = {"body": value} if isinstance(value, str | bytes) else value
    if not isinstance(given, dict) or not given.keys() <= set(_WEB_FIELDS):
        unknown = next((n for n in given if n not in _WEB_FIELDS), None) if isinstance(given, dict) else None
        got = f"there is no {unknown}" if unknown is not None else f"got {arguments.shown(value)}"
        raise InvalidCall(f"stub: {target.name} answers with a string, or a table of {', '.join(_WEB_FIELDS)}; {got}")
    status = given.get("status", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
        raise InvalidCall(f"stub: {target.name}: status is {arguments.shown(status)}; expected 100 to 599")
    headers = {str(name).lower(): str(text) for name, text in (given.get("headers") or {}).items()}
    body = given.get("body", "")
    if not isinstance(body, str | bytes):
        raise InvalidCall(f"stub: {target.name}: body is a string; give a table as json")
    if "json" in given:
        if "body" in given:
            raise InvalidCall(f"stub: {target.name} has a body or json, not both")
        body = msgspec.json.encode(given["json"]).decode()
        headers.setdefault("content-type", "application/json")
    found: dict[str, Any] = {"status": status, "headers": headers, "body": body, "elapsed": 0.0, "attempts": 1}
    found["url"] = _url(call)
    if status >= 400 and target.mutation:
        found["outcome"] = refusal(Response(status, headers, body.encode() if isinstance(body, str) else body))
    return found


def _url(call: Call | None) -> str:
    args = getattr(call.payload, "args", None) if call is not None else None
    first = args[0] if args else ""
    return str(first.get("url", "") if isinstance(first, dict) else first)
