"""Arguments of a call by place, brought to arguments by name."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Operation
from host.apis.validation_error import object_hint, shown
from host.errors import InvalidCall


def signature(operation: Operation) -> str:
    """``products.update(id, params, options)``."""
    words = list(operation.path_params)
    if len(operation.params) > len(words):
        words.append("params")
    return f"{operation.id}({', '.join([*words, 'options'])})"


def bind(operation: Operation, args: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments by name, and the options, of ``stripe.<operation>(path arguments…, params, options)``.

    Path arguments may instead be members of ``params``. Raises ``InvalidCall`` that shows the signature.
    """
    names = operation.path_params
    rest = list(args)
    found: dict[str, Any] = {}
    first = rest[0] if rest else None
    if isinstance(first, dict) and any(name in first for name in names) and not _is_answer(first):
        names = ()  # all by name
    for name in names:
        if not rest or rest[0] is None or isinstance(rest[0], dict | list):
            got = f"{shown(rest[0])}{object_hint(rest[0])}" if rest else "nothing"
            raise _wrong_call(operation, f"expected {name} first, got {got}", name)
        found[name] = rest.pop(0)
    params = rest.pop(0) if rest else None
    if params is not None:
        found.update(_params(operation, params))
    options = rest.pop(0) if rest else None
    if options is not None and options != [] and not isinstance(options, dict):
        raise _wrong_call(operation, f"expected a table of request options, got {shown(options)}")
    if any(each is not None for each in rest):
        raise _wrong_call(operation, f"{len(rest)} argument{'s' * (len(rest) > 1)} too many")
    return found, dict(options or {})


def _is_answer(value: dict[str, Any]) -> bool:
    """Whether a table is an object as the API answered it, not parameters by name."""
    return isinstance(value.get("object"), str) and isinstance(value.get("id"), str | int)


def _params(operation: Operation, params: Any) -> dict[str, Any]:
    if operation.whole_body:
        # The value is the body itself, unless it names parameters.
        others = [name for name, param in operation.params.items() if param.location != "path"]
        named = isinstance(params, dict) and bool(params) and all(name in others for name in params)
        return dict(params) if named else {"body": params}
    if params == []:
        return {}
    if not isinstance(params, dict):
        raise _wrong_call(operation, f"expected a table of parameters, got {shown(params)}")
    return params


def _wrong_call(operation: Operation, fault: str, param: str | None = None) -> InvalidCall:
    return InvalidCall(
        f"{operation.id}: {fault}; call it as {signature(operation)}"
        + (f" with {param} as a text, such as an object's .id" if param and ".id" not in fault else ""),
        operation=operation.id,
        param=param,
    )
