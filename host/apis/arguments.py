"""Converts positional arguments of a call to arguments by name."""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Operation
from host.apis.nearest import short
from host.apis.validation_error import object_hint, shown
from host.errors import InvalidCall

FILE_FIELDS = frozenset({"content", "path", "name", "type", "headers"})  # of a table that is a file


def signature(operation: Operation) -> str:
    """The signature of an operation: ``products.update(id, params, options)``."""
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
    if names and isinstance(first, dict) and _names_path(operation, first) and not _is_answer(first):
        names = ()  # all by name
    for name in names:
        if not rest or rest[0] is None or isinstance(rest[0], dict | list):
            got = f"{shown(rest[0])}{object_hint(rest[0])}" if rest else "nothing"
            raise _wrong_call(operation, f"expected {name} first, got {got}", name)
        found[name] = rest.pop(0)
    params = rest.pop(0) if rest else None
    if params is not None:
        given = _params(operation, params)
        for name in found:
            _check_once(operation, name, given)
        found.update(given)
    options = rest.pop(0) if rest else None
    if options is not None and options != [] and not isinstance(options, dict):
        raise _wrong_call(operation, f"expected a table of request options, got {shown(options)}")
    if any(each is not None for each in rest):
        raise _wrong_call(operation, f"{len(rest)} argument{'s' * (len(rest) > 1)} too many")
    return found, dict(options or {})


def _names_path(operation: Operation, params: dict[str, Any]) -> bool:
    """Whether one of these is a path argument, by its name in scripts or its wire name."""
    return any(name in params or operation.params[name].name in params for name in operation.path_params)


def _check_once(operation: Operation, name: str, given: dict[str, Any]) -> None:
    """Raise ``InvalidCall`` if a path argument is among the parameters as well."""
    wire_name = operation.params[name].name
    again = next((each for each in (name, wire_name) if each in given), None)
    if again is None or (again == wire_name != name and again in operation.params):
        return
    others = [other for other, param in operation.params.items() if param.name == again and other != name]
    hint = f"; in the {operation.params[others[0]].location} it is {others[0]}" if others else ""
    raise InvalidCall(
        f"{operation.id}: {again} is given twice, for the path and among the parameters{hint}",
        operation=operation.id,
        param=again,
    )


def _is_answer(value: dict[str, Any]) -> bool:
    """Whether a table is an object from an answer of the API, rather than parameters by name."""
    return isinstance(value.get("object"), str) and isinstance(value.get("id"), str | int)


def _params(operation: Operation, params: Any) -> dict[str, Any]:
    whole = operation.whole_body or any(form.whole for form in operation.forms)
    if whole and not isinstance(params, dict):
        return {"body": params} if operation.whole_body or params != [] else {}
    if operation.whole_body:
        return _named_or_whole(operation, params)
    if params == []:
        return {}
    if not isinstance(params, dict):
        raise _wrong_call(operation, f"expected a table of parameters, got {shown(params)}")
    if whole and params and not any(name in names_of(operation) for name in params) and set(params) <= FILE_FIELDS:
        return {"body": params}
    return params


def _named_or_whole(operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters by name, or the whole body if none of its members is the name of a parameter."""
    names = names_of(operation)
    known = sorted(name for name in params if name in names or str(name).lower() in names)
    if not known:
        return {"body": params}
    if len(known) == len(params):
        return params
    others = ", ".join(short(str(name)) for name in sorted(params, key=str) if name not in known)
    raise InvalidCall(
        f"{operation.id}: {', '.join(known)} {'is a parameter' if len(known) == 1 else 'are parameters'}, {others} "
        f"{'is' if len(params) - len(known) == 1 else 'are'} not; give what belongs to the body as body = {{…}}",
        operation=operation.id,
        param=known[0],
    )


def names_of(operation: Operation) -> set[str]:
    """All names of an operation's parameters: those in scripts, wire names, and names of headers in lower case."""
    found = set(operation.params)
    for param in operation.params.values():
        if param.location != "body":
            found |= {param.name, param.name.lower()} if param.location == "header" else {param.name}
    return found


def _wrong_call(operation: Operation, fault: str, param: str | None = None) -> InvalidCall:
    return InvalidCall(
        f"{operation.id}: {fault}; call it as {signature(operation)}"
        + (f" with {param} as a string, such as an object's .id" if param and ".id" not in fault else ""),
        operation=operation.id,
        param=param,
    )
