"""The request plan of an operation: what all its calls share, such as parameter checkers, path and headers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.check import named_checker
from host.apis.encode import form_key, pair_writer
from host.apis.form_shapes import FormShapes
from host.apis.nearest import short
from host.apis.request_headers import version_header
from host.apis.scalars import Checker
from host.apis.validation_error import ValidationError, shown
from host.errors import InvalidCall

if TYPE_CHECKING:
    from host.apis.body_choice import BodyChoice

__all__ = ["Entry", "RequestPlan", "invalid", "no_parameter", "plan_of"]

Writer = Callable[[list[str], Any], None]
BODILESS = frozenset(
    {"GET", "HEAD", "DELETE", "OPTIONS"}
)  # methods that send a body only if an argument for it is given


class Entry:
    """One parameter of a plan, with the functions that check and write its value."""

    __slots__ = ("check", "is_text", "is_texts", "key", "location", "name", "opening", "param", "wire_name", "write")

    def __init__(self, catalog: Catalog, operation: Operation, name: str, param: Param) -> None:
        self.name = name
        self.param = param
        self.wire_name = param.name
        self.location = param.location
        schema = catalog.resolve(param.schema)
        self.check: Checker = named_checker(catalog, name, param.schema)
        body = param.location == "body"
        if body and operation.files:
            from host.apis.files import with_files  # imported only for operations that take files

            self.check = with_files(catalog, operation.body, schema, self.check)
        # An unconstrained string in a form: str values are written without calling the checker.
        form = body and operation.body == "form"
        self.is_text = form and _is_plain(schema) and not param.content_type and not param.allow_reserved
        key = form_key(param.name)
        self.key = f"{key}="
        bracketed = body and catalog.facts.brackets
        # The same for a map of such strings (metadata).
        self.is_texts = form and (bracketed or param.style == "deepObject") and _is_map_of_texts(catalog, schema)
        self.opening = f"{key}["
        self.write: Writer = pair_writer(param, bracketed=bracketed)


class RequestPlan:
    """What all calls of an operation share.

    ``ordered``: the body's members are sent in the document's order. ``bodies``: the alternative media types of the
    body, the default first; if there are any, this plan only checks single arguments.
    """

    __slots__ = (
        "ambiguous",
        "bare",
        "bodies",
        "by_wire_name",
        "common",
        "entries",
        "form",
        "headers",
        "joint",
        "key_header",
        "keyed",
        "label",
        "more",
        "mutation",
        "ordered",
        "path",
        "required",
        "shapes",
        "url",
    )

    def __init__(self, catalog: Catalog, operation: Operation) -> None:
        if operation.unusable:
            raise InvalidCall(f"{operation.id} cannot be called: {operation.unusable}", operation=operation.id)
        self.entries = {name: Entry(catalog, operation, name, param) for name, param in operation.params.items()}
        self.by_wire_name, self.ambiguous = _by_wire_name(self.entries)
        self.required = frozenset(name for name, param in operation.params.items() if param.required)
        self.label = f"{catalog.name}.{operation.id}"
        self.mutation = operation.mutation
        self.path = _path_parts(operation)
        self.joint = "&" if "?" in "".join(self.path[::2]) else "?"  # separates the path from the query
        self.more = len(self.path) > 1 or operation.body not in (None, "form")  # needs more than a fixed path and form
        self.form = operation.body == "form" and not operation.whole_body  # a form of named members
        self.url = ("", "")  # cache: the last base URL, and the operation's URL below it
        self.ordered = operation.body == "multipart" or (self.form and not catalog.facts.brackets)
        several = self.more or self.ordered or operation.forms
        self.shapes = FormShapes(self.entries, self.required) if self.form and not several else None
        self.bodies: tuple[BodyChoice, ...] = ()
        if operation.forms:
            from host.apis.body_choice import bodies_of  # imported only for operations with several body types

            self.bodies = bodies_of(operation)
        own = operation.security
        self.keyed = any(catalog.default_security if own is None else own)  # the API's key is sent
        result = catalog.resolve(operation.result) if operation.result is not None else None
        other = result is not None and result.type == "string"  # the answer is a file or text, not JSON
        headers = [("Accept", operation.accept or ("*/*" if other else "application/json"))]
        # If the body may be absent, Content-Type is sent only together with a body.
        self.bare = operation.body == "json" and (operation.method in BODILESS or operation.whole_body)
        if operation.body == "form" or (operation.body == "json" and not self.bare):
            headers.append(("Content-Type", operation.content_type))
        self.headers = tuple(headers)
        facts = catalog.facts
        self.common = self.headers + version_header(facts, None)  # all headers of most calls, except the key's
        self.key_header = facts.idempotency_header if operation.keyed else None

    def find(self, operation: Operation, name: Any) -> Entry | None:
        """The parameter with that script or wire name, or None.

        Raises ``InvalidCall`` for a wire name that several parameters share.
        """
        entry = self.entries.get(name) or self.by_wire_name.get(name)
        if entry is None and type(name) is str:
            if name in self.ambiguous:
                raise InvalidCall(
                    f"{operation.resource}: {short(name)} is the name of several parameters; "
                    f"say {' or '.join(self.ambiguous[name])}",
                    operation=operation.id,
                    param=short(name),
                )
            entry = self.by_wire_name.get(name.lower())
            if entry is not None and entry.param.location != "header":  # only header names are case-insensitive
                return None
        return entry


def _by_wire_name(entries: dict[str, Entry]) -> tuple[dict[str, Entry], dict[str, list[str]]]:
    """The parameters by wire names that are not script names; and, for wire names shared by several, their script
    names."""
    found: dict[str, list[Entry]] = {}
    for entry in entries.values():
        names = {entry.wire_name, entry.wire_name.lower()} if entry.param.location == "header" else {entry.wire_name}
        for name in names:
            if name not in entries:
                found.setdefault(name, []).append(entry)
    one = {name: each[0] for name, each in found.items() if len(each) == 1}
    return one, {name: [entry.name for entry in each] for name, each in found.items() if len(each) > 1}


def _path_parts(operation: Operation) -> list[str]:
    """The path split into literal texts and parameter names, alternating: ``["/v1/products/", "id", ""]``.

    A fragment only distinguishes operations and is dropped. A query in the path is kept, except for the pairs that are
    documented as query parameters.
    """
    path, mark, query = operation.path.partition("#")[0].partition("?")
    inner = {param.name for param in operation.params.values() if param.location == "path"}
    pairs = [pair for pair in query.split("&") if pair and all(name in inner for name in _names(pair))]
    path += mark + "&".join(pairs) if pairs else ""
    parts = re.split(r"\{([^{}]+)\}", path)
    return [quote(text, safe="/:@!$&'()*+,;=~%?") if n % 2 == 0 else text for n, text in enumerate(parts)]


def _names(text: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", text)


def _is_plain(schema: Schema) -> bool:
    limits = schema.enum or schema.pattern or schema.min_length or schema.max_length is not None
    return schema.type == "string" and not limits and schema.format != "binary"


def _is_map_of_texts(catalog: Catalog, schema: Schema) -> bool:
    if schema.type != "object" or schema.any_of or schema.properties or schema.required or schema.additional is None:
        return False
    return _is_plain(catalog.resolve(schema.additional))


def plan_of(catalog: Catalog, operation: Operation) -> RequestPlan:
    """The plan of an operation of the catalog, built on first use."""
    found: RequestPlan | None = catalog.plans.get(operation.id)
    if found is None:
        found = catalog.plans[operation.id] = RequestPlan(catalog, operation)
    return found


def no_parameter(operation: Operation, name: Any, valid: Any) -> InvalidCall:
    """The error for an argument that is not a parameter; ``valid`` holds the known names."""
    if not isinstance(name, str):
        return InvalidCall(
            f"{operation.resource}: expected parameters by name, found the key {shown(name)}",
            operation=operation.id,
        )
    from host.apis.legacy_names import missing_param  # imported only to build an error

    hint = missing_param(name, valid)
    if not hint:
        names = sorted(valid)
        listing = f"{', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
        hint = f"; it has {listing}" if names else "; it has none"
    return InvalidCall(
        f'{operation.resource} has no parameter "{short(name)}"{hint}',
        operation=operation.id,
        param=short(name),
    )


def invalid(fault: ValidationError, operation: Operation) -> InvalidCall:
    """The error of a call with a value that does not fit, from its ``fault``."""
    message = f"{operation.resource}: {fault.message()}" if operation.resource else fault.message()
    return InvalidCall(message, operation=operation.id, param=fault.where() or None)
