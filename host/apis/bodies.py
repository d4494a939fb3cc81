"""Parameters and request bodies of an operation, as one table of :class:`~host.apis.catalog.Param`."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from host.apis.catalog import BodyKind, Location, Param, Schema
from host.apis.document import Document
from host.apis.naming import parameter_name, spelled
from host.apis.references import UnresolvedReference
from host.apis.schemas import SchemaCompiler
from host.errors import CatalogError

NOT_PARAMS = frozenset({"accept", "content-type", "authorization"})  # OpenAPI 3.1, "Parameter Object"
STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class Body(NamedTuple):
    """What a request's body is; its members are among the operation's parameters."""

    kind: BodyKind
    content_type: str
    whole: bool
    extra: Schema | None


def read_params(
    source: Document,
    schemas: SchemaCompiler,
    path: str,
    item: dict[str, Any],
    node: dict[str, Any],
    place: str,
) -> tuple[dict[str, Param], str | None]:
    """Parameters by the name a script uses, path ones first and in the path's order; and the name of the
    idempotency header if there is one: that one is the host's to fill."""
    found: dict[tuple[str, str], Param] = {}
    keyed: str | None = None
    for raw in (*_list(item.get("parameters")), *_list(node.get("parameters"))):
        try:
            param = _param(source, schemas, raw, place)
        except UnresolvedReference as error:
            source.refuse(place, f"a parameter is not known: {error.message.removeprefix(f'{place} parameters: ')}")
            continue
        except CatalogError as error:
            source.warn(place, f"a parameter is left out: {error.message}")
            continue
        lower = param.name.lower()
        if param.location == "header" and lower == "idempotency-key":
            keyed = param.name
        elif not (param.location == "header" and lower in NOT_PARAMS):
            found[param.name, param.location] = param
    in_path = re.findall(r"\{([^{}]+)\}", path)
    for name in in_path:
        if (name, "path") not in found:
            source.warn(place, f"the path parameter {name!r} is not described; a string is taken")
            text = Schema(type="string")
            found[name, "path"] = Param(name=name, location="path", schema=text, required=True)
    for key in [key for key in found if key[1] == "path" and key[0] not in in_path]:
        source.warn(place, f"the path has no {{{key[0]}}}; the parameter is left out")
        del found[key]
    ordered = [found[name, "path"] for name in in_path]
    ordered += [param for param in found.values() if param.location != "path"]
    named: dict[str, Param] = {}
    for param in ordered:
        add_param(named, param)
    return named, keyed


def add_param(named: dict[str, Param], param: Param) -> None:
    """Under its own name as a Lua name; where that is taken, with its signs as words, or where it goes at the end."""
    name = parameter_name(param.name)
    if name in named and named[name].name != param.name:
        if param.name == name:  # whose name it is without a change
            _rename(named, name, spelled(named[name].name))
        else:
            name = spelled(param.name)
    if param.location == "header":
        name = name.lower()
    if name in named and named[name] == param:
        return
    while name in named:
        name = f"{name}_{param.location}"
    named[name] = param


def _rename(named: dict[str, Param], name: str, new: str) -> None:
    """Call a parameter otherwise, in the same place."""
    while new in named:
        new = f"{new}_{named[name].location}"
    items = [(new if known == name else known, param) for known, param in named.items()]
    named.clear()
    named.update(items)


def _param(source: Document, schemas: SchemaCompiler, raw: Any, place: str) -> Param:
    node = source.follow(raw, f"{place} parameters")
    name, location = node.get("name"), node.get("in")
    if not isinstance(name, str) or location not in STYLES:
        raise CatalogError(f"{name!r} in {location!r} is not a parameter")
    where: Location = location
    style = str(node.get("style") or STYLES[where])
    schema = node.get("schema")
    if schema is None and isinstance(node.get("content"), dict) and node["content"]:
        kind, media = next(iter(node["content"].items()))
        schema = (media or {}).get("schema")
        style = "json" if "json" in kind else style
    return Param(
        name=name,
        location=where,
        schema=schemas.compile({} if schema is None else schema, f"{place} parameter {name}"),
        required=where == "path" or node.get("required") is True,
        style=style,
        explode=bool(node.get("explode", style == "form")),
    )


def read_body(
    source: Document, schemas: SchemaCompiler, node: dict[str, Any], place: str, params: dict[str, Param]
) -> Body | None:
    """The body's kind; its members are added to ``params``."""
    if "requestBody" not in node:
        return None
    body = source.follow(node["requestBody"], f"{place} requestBody")
    content = body.get("content")
    if not isinstance(content, dict) or not content:
        source.warn(place, "its request body has no content; none is sent")
        return None
    content_type, kind = _choose(content)
    media = content[content_type] if isinstance(content[content_type], dict) else {}
    schema = schemas.compile(media.get("schema") or {}, f"{place} body")
    required = body.get("required") is True
    if kind in ("text", "binary"):
        whole = Schema(type="string", format="binary" if kind == "binary" else "")
        add_param(params, Param(name="body", location="body", schema=whole, required=required))
        return Body(kind, content_type, True, None)
    shape = _members(schemas, schema, place)
    if shape is None:
        add_param(params, Param(name="body", location="body", schema=schema, required=required))
        return Body(kind, content_type, True, None)
    encoding = media.get("encoding") or {}
    for name, member in shape.properties.items():
        if member.read_only:
            continue
        how = encoding.get(name) or {}
        param = Param(
            name=name,
            location="body",
            schema=member,
            required=name in shape.required,
            style=str(how.get("style") or ("" if kind == "json" else "form")),
            explode=bool(how.get("explode", True)),
            content_type=str(how.get("contentType") or ""),
        )
        add_param(params, param)
    extra = shape.additional or (Schema() if shape.open_map else None)
    return Body(kind, content_type, False, extra)


def _choose(content: dict[str, Any]) -> tuple[str, BodyKind]:
    """The media type to send: JSON, else form, multipart, text, anything else as bytes."""
    ranked: list[tuple[int, str, BodyKind]] = []
    for name in content:
        plain = name.split(";")[0].strip().lower()
        if plain == "application/json" or plain.endswith("+json") or plain == "*/*":
            ranked.append((0 if plain == "application/json" else 1, name, "json"))
        elif plain == "application/x-www-form-urlencoded":
            ranked.append((2, name, "form"))
        elif plain.startswith("multipart/"):
            ranked.append((3, name, "multipart"))
        elif plain.startswith("text/") or plain.endswith("xml"):
            ranked.append((4, name, "text"))
        else:
            ranked.append((5, name, "binary"))
    _, name, kind = min(ranked, key=lambda each: each[0])
    return ("application/json" if name == "*/*" else name), kind


def _members(schemas: SchemaCompiler, schema: Schema, place: str) -> Schema | None:
    """The object whose members are parameters, or None where the body is one value.

    Of alternatives that are all objects, every member is a parameter, and required is what all require.
    """
    schema = schemas.inline(schema, place)
    if schema.any_of:
        each = [_members(schemas, alternative, place) for alternative in schema.any_of]
        if not all(each):
            return None
        shapes = [shape for shape in each if shape is not None]
        properties: dict[str, Schema] = {}
        for shape in shapes:
            for name, member in shape.properties.items():
                known = properties.setdefault(name, member)
                if known != member:
                    both = (*(known.any_of or (known,)), member)
                    properties[name] = Schema(any_of=both)
        required = tuple(n for n in shapes[0].required if all(n in shape.required for shape in shapes))
        open_map = any(shape.open_map or shape.additional is not None for shape in shapes)
        return Schema(type="object", properties=properties, required=required, open_map=open_map)
    return schema if schema.type == "object" and schema.properties else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
