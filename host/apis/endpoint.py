"""Makes a request from an endpoint and a method, such as ``make_request("products", "POST", {…})``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from host.apis.catalog import BodyKind, Catalog, Location, Operation, Param, Schema
from host.apis.encode import is_nested, pair_writer, to_json
from host.apis.options import CallOptions
from host.apis.plan import Writer
from host.apis.prepare import prepare
from host.errors import InvalidCall
from host.http.message import Request

__all__ = ["METHODS", "endpoint_path", "endpoint_request", "known_operation"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
IN_QUERY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_NO_STEP = re.compile(r"\A\.{0,2}\Z|[\x00-\x1f\x7f\\]")
_VERSION = re.compile(r"v\d+\Z")
CONTENT_TYPES: dict[BodyKind, str] = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
}


def endpoint_request(
    catalog: Catalog,
    endpoint: str,
    method: str,
    data: dict[str, Any] | None,
    base_url: str,
    new_key: Callable[[], str],
) -> tuple[Operation, Request]:
    """The operation at ``endpoint`` and its request.

    ``endpoint`` is a path below the API, with or without its version: ``products``, ``/v1/products/prod_1``,
    ``v2/core/accounts``. What the catalog knows is checked and encoded by it; the rest is sent as the API's
    neighbouring operations are, so that an operation newer than the catalog works too. ``new_key()`` makes
    the idempotency key of a mutation. Raises ``InvalidCall``.
    """
    method = method.upper()
    if method not in METHODS:
        raise InvalidCall(f"there is no method {method!r}; expected one of {', '.join(METHODS)}")
    path = endpoint_path(endpoint, base_url)
    found = known_operation(catalog, method, path)
    if found is None:
        return _unknown(catalog, method, path, dict(data or {}), base_url, new_key)
    operation, given = found
    options = CallOptions(idempotency_key=new_key()) if operation.mutation and operation.keyed else None
    arguments: dict[str, Any] = dict(data or {})
    if operation.whole_body and "body" not in arguments and arguments:
        arguments = {"body": arguments}
    return operation, prepare(catalog, operation, {**arguments, **given}, options, base_url=base_url)


def endpoint_path(endpoint: str, base_url: str) -> str:
    """A path below the API, as segments joined by ``/``. Raises ``InvalidCall`` if it is not one."""
    if not isinstance(endpoint, str) or not endpoint.strip("/"):
        raise InvalidCall(f"the endpoint is {endpoint!r}; expected a path such as 'products'")
    if "://" in endpoint or endpoint.startswith("//"):
        raise InvalidCall(f"the endpoint {endpoint!r} is a URL; expected a path below {base_url}")
    if "?" in endpoint or "#" in endpoint:
        raise InvalidCall(f"the endpoint {endpoint!r} has a query; give its parameters as data")
    steps = endpoint.strip("/").split("/")
    if " " in endpoint or any(_NO_STEP.search(unquote(step)) for step in steps):
        raise InvalidCall(f"the endpoint {endpoint!r} is not a path; expected segments joined by /")
    own = urlsplit(base_url).path.strip("/")
    path = "/".join(steps)
    return path[len(own) + 1 :] if own and path.startswith(f"{own}/") else path


class _Routes:
    """Operations by method and number of segments. Literal segments are preferred to parameters."""

    def __init__(self, catalog: Catalog) -> None:
        self.by_shape: dict[tuple[str, int], list[tuple[list[_Step], str]]] = {}
        self.versions: list[str] = []
        for id, method, path in catalog.routes():
            # A fragment distinguishes operations at one path. A request has none, so the first one is used.
            steps = path.partition("#")[0].strip("/").split("/")
            self.by_shape.setdefault((method, len(steps)), []).append(([_Step(step) for step in steps], id))
            if _VERSION.match(steps[0]) and steps[0] not in self.versions:
                self.versions.append(steps[0])
        for routes in self.by_shape.values():
            routes.sort(key=lambda route: [step.rank for step in route[0]])

    def find(self, method: str, steps: list[str]) -> tuple[str, dict[str, str]] | None:
        for wanted, id in self.by_shape.get((method, len(steps)), ()):
            given = _match(wanted, steps)
            if given is not None:
                return id, given
        return None


class _Step:
    """One segment of a path template: text, a parameter, or both (``{Sid}.json``, ``{base}...{head}``)."""

    __slots__ = ("names", "pattern", "rank", "text")

    def __init__(self, text: str) -> None:
        parts = re.split(r"\{([^{}]+)\}", text)
        self.text = text
        self.names = parts[1::2]
        self.rank = 0 if not self.names else 1 if any(parts[::2]) else 2  # literal ones are tried first
        self.pattern: re.Pattern[str] | None = None
        if self.rank == 1:
            between = (re.escape(part) if n % 2 == 0 else "(.+?)" for n, part in enumerate(parts))
            self.pattern = re.compile("".join(between), re.DOTALL)

    def match(self, have: str) -> dict[str, str] | None:
        """The values of the segment's parameters, or ``None``. Percent-encoding does not matter."""
        have = unquote(have)
        if self.rank == 0:
            return {} if have == self.text else None
        if self.pattern is None:
            return {self.names[0]: have}
        found = self.pattern.fullmatch(have)
        return None if found is None else dict(zip(self.names, found.groups(), strict=True))


def _match(wanted: list[_Step], steps: list[str]) -> dict[str, str] | None:
    given: dict[str, str] = {}
    for want, have in zip(wanted, steps, strict=True):
        found = want.match(have)
        if found is None:
            return None
        given |= found
    return given


def _routes(catalog: Catalog) -> _Routes:
    found: _Routes | None = catalog.plans.get(":routes")
    if found is None:
        found = catalog.plans[":routes"] = _Routes(catalog)
    return found


def known_operation(catalog: Catalog, method: str, path: str) -> tuple[Operation, dict[str, Any]] | None:
    """The operation at ``path``, and the arguments in the path."""
    routes = _routes(catalog)
    steps = path.split("/")
    tries = [steps]
    if not _VERSION.match(steps[0]):
        tries += ([version, *steps] for version in routes.versions)
    for each in tries:
        found = routes.find(method, each)
        if found is not None:
            operation = catalog.operation(found[0])
            assert operation is not None
            names = {param.name: name for name, param in operation.params.items() if param.location == "path"}
            return operation, {names.get(name, name): value for name, value in found[1].items()}
    return None


def _unknown(
    catalog: Catalog, method: str, path: str, data: dict[str, Any], base_url: str, new_key: Callable[[], str]
) -> tuple[Operation, Request]:
    """A request to a path that the catalog does not have."""
    full = full_path(catalog, path)
    kind = body_kind(catalog, full.split("/")[1])
    operation = Operation(id=f"{method} {full}", method=method, path=full, body=kind, result=Schema(), resource=full)
    facts = catalog.facts
    headers = [("Accept", "application/json")]
    url, content = base_url.rstrip("/") + full, b""
    pairs: list[str] = []
    if method in IN_QUERY or kind == "form":
        for name, value in data.items():
            unnamed_writer(catalog, operation, str(name), in_query=method in IN_QUERY)(pairs, value)
    if method in IN_QUERY:
        url += f"?{'&'.join(pairs)}" if pairs else ""
    else:
        content = "&".join(pairs).encode("ascii") if kind == "form" else _json(data)
        headers.append(("Content-Type", CONTENT_TYPES[kind]))
    if facts.version_header:
        headers.append((facts.version_header, facts.asked_version or facts.version))
    key = None
    if operation.mutation and facts.idempotency_header:
        key = new_key()
        headers.append((facts.idempotency_header, key))
    return operation, Request(
        method,
        url,
        tuple(headers),
        content,
        f"{catalog.name}.{operation.id}",
        operation.mutation,
        catalog.name,
        key,
    )


def unnamed_writer(catalog: Catalog, operation: Operation, name: str, *, in_query: bool) -> Writer:
    """Writes a parameter given by its wire name, unchecked, in the style of the operation or the API."""
    location: Location = "query" if in_query else "body"
    found = (param for param in operation.params.values() if param.name == name and param.location == location)
    # Undocumented tables: in brackets in a query, as most servers read them, and as JSON in a form.
    default = Param(name=name, location=location, schema=Schema(), style="" if location == "body" else "form")
    param = next(found, default)
    bracketed = catalog.facts.brackets and (param.location == "body" or param is default)
    write = pair_writer(param, bracketed=bracketed)
    if not in_query or param is not default:
        return write
    nested = pair_writer(param, bracketed=True)
    return lambda out, value: nested(out, value) if is_nested(value) else write(out, value)


def full_path(catalog: Catalog, path: str) -> str:
    """A path that the catalog does not have, with the version prefix of the API's other paths."""
    steps, versions = path.split("/"), _routes(catalog).versions
    if versions and not _VERSION.match(steps[0]):
        steps = [versions[0], *steps]
    return "/" + "/".join(quote(unquote(step), safe=":@!$&'()*+,;=~") for step in steps)


def _json(data: dict[str, Any]) -> bytes:
    try:
        return to_json(data)
    except (TypeError, msgspec.MsgspecError) as error:
        raise InvalidCall(f"data: {error}") from None


def body_kind(catalog: Catalog, first: str) -> BodyKind:
    """The kind of body that the API's operations below the same first segment (the version) send."""
    key = (":body", first)
    found: BodyKind | None = catalog.plans.get(key)
    if found is None:
        found = "json"
        routes = [route for route in catalog.routes() if route[1] in ("POST", "PUT", "PATCH")]
        routes.sort(key=lambda route: route[2].strip("/").split("/")[0] != first)
        for id, _, _ in routes:
            operation = catalog.operation(id)
            if operation is not None and operation.body in CONTENT_TYPES:
                found = operation.body
                break
        catalog.plans[key] = found
    return found
