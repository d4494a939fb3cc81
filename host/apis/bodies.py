"""Parameters and request bodies of an operation, as one table of :class:`~host.apis.catalog.Param`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from host.apis import media_types
from host.apis.catalog import BodyForm, BodyKind, Location, Param, Schema
from host.apis.document import Document
from host.apis.naming import parameter_name, spelled
from host.apis.references import UnresolvedReference
from host.apis.schemas import SchemaCompiler
from host.errors import CatalogError

NOT_PARAMS = frozenset({"accept", "content-type", "authorization"})  # OpenAPI 3.1, "Parameter Object"
STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class Body(NamedTuple):
    """How a request's body is written: ``params`` are the members of all forms, ``forms`` is empty if there is one."""

    form: BodyForm
    forms: tuple[BodyForm, ...]

    @property
    def params(self) -> dict[str, Param]:
        """The members of all forms, each once. A member is required if all forms require it."""
        found: dict[str, Param] = {}
        for form in self.forms or (self.form,):
            for name, param in form.params.items():
                known = found.setdefault(name, param)
                if known.schema != param.schema:
                    both = (*(known.schema.any_of or (known.schema,)), param.schema)
                    found[name] = replace(known, schema=Schema(any_of=both))
        all_forms = self.forms or (self.form,)
        needed = {n for n in found if all(n in form.params and form.params[n].required for form in all_forms)}
        return {name: each if name in needed else replace(each, required=False) for name, each in found.items()}

    @property
    def takes_files(self) -> bool:
        """Whether one of its members may be a file."""
        return any(form.kind in ("multipart", "text", "binary") for form in self.forms or (self.form,))


def read_params(
    source: Document,
    schemas: SchemaCompiler,
    path: str,
    item: dict[str, Any],
    node: dict[str, Any],
    place: str,
) -> tuple[dict[str, Param], str | None]:
    """The parameters by their names in scripts, path parameters first and in the order of the path; and the name of the
    idempotency header, if there is one, which the host fills.
    """
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
    in_path = re.findall(r"\{([^{}]+)\}", path.partition("#")[0])
    # A path template's query may name query parameters, which are written with the others.
    in_query = {name for name in in_path if (name, "query") in found and name in path.partition("?")[2]}
    in_path = [name for name in dict.fromkeys(in_path) if name not in in_query or (name, "path") in found]
    for name in in_path:
        if (name, "path") not in found:
            source.warn(place, f"the path parameter {name!r} is not described; a string is assumed")
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
    """Add a parameter by its wire name as a Lua name; if that is taken, with signs as words or its location."""
    name = parameter_name(param.name)
    if name in named and named[name].name != param.name:
        if param.name == name:  # it has this name unchanged
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
    """Rename a parameter, keeping its position."""
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
        style = "json" if media_types.is_json(kind) else style
    shape = schemas.compile({} if schema is None else schema, f"{place} parameter {name}")
    if where == "query" and node.get("allowEmptyValue") is True:
        shape = replace(shape, emptyable=True)
    return Param(
        name=name,
        location=where,
        schema=shape,
        required=where == "path" or node.get("required") is True,
        style=style,
        explode=bool(node.get("explode", style == "form")),
        allow_reserved=node.get("allowReserved") is True,
    )


def read_body(
    source: Document, schemas: SchemaCompiler, node: dict[str, Any], place: str, params: dict[str, Param]
) -> Body | None:
    """How the body is written, with names of members that do not clash with ``params``; ``None`` without a body."""
    if "requestBody" not in node:
        return None
    body = source.follow(node["requestBody"], f"{place} requestBody")
    content = body.get("content")
    if not isinstance(content, dict) or not content:
        source.warn(place, "its request body has no content; none is sent")
        return None
    reader = _FormReader(source, schemas, place, body.get("required") is True, params)
    forms: list[BodyForm] = []
    for content_type, media in content.items():
        for form in reader.read(content_type, media if isinstance(media, dict) else {}):
            _add_form(forms, form)
    forms.sort(key=lambda form: min(_rank(each, form.kind) for each in form.content_types))
    return Body(forms[0], tuple(forms) if len(forms) > 1 else ())


def _add_form(forms: list[BodyForm], form: BodyForm) -> None:
    """Add a form, or another media type to an equal form."""
    for n, known in enumerate(forms):
        if replace(known, content_types=()) == replace(form, content_types=()):
            types = (*known.content_types, *form.content_types)
            forms[n] = replace(known, content_types=tuple(sorted(types, key=lambda each: _rank(each, form.kind))))
            return
    forms.append(form)


def _rank(content_type: str, kind: BodyKind) -> int:
    """The rank of a media type as the default: JSON, a form, multipart, text, bytes; ranges last."""
    place = ("json", "form", "multipart", "text", "binary").index(kind) * 10
    if media_types.is_range(content_type):
        return place + 5
    if kind == "json":  # a JSON Patch (RFC 6902) is a list of steps rather than the object itself
        return place + {"application/json": 0, "application/json-patch+json": 2}.get(media_types.plain(content_type), 1)
    return place


class _FormReader:
    """Reads the media types of one request body."""

    def __init__(
        self, source: Document, schemas: SchemaCompiler, place: str, required: bool, params: dict[str, Param]
    ) -> None:
        self._source = source
        self._schemas = schemas
        self._place = place
        self._required = required
        self._params = params

    def read(self, content_type: str, media: dict[str, Any]) -> list[BodyForm]:
        """The form of a media type. ``*/*`` without a schema stands for both JSON and bytes."""
        schema = self._schemas.compile(media.get("schema") or {}, f"{self._place} body")
        if media_types.plain(content_type) not in ("*/*", "application/*", "*"):
            return [self._form(media_types.body_kind(content_type), content_type, media, schema)]
        shape = self._schemas.inline(schema, self._place)
        if shape.type == "string":
            return [self._form("binary" if shape.format == "binary" else "text", content_type, media, schema)]
        found = [self._form("json", content_type, media, schema)]
        return found if shape.type or shape.any_of else [*found, self._form("binary", content_type, media, schema)]

    def _form(self, kind: BodyKind, content_type: str, media: dict[str, Any], schema: Schema) -> BodyForm:
        if kind in ("text", "binary"):
            whole = Schema(type="string", format="binary" if kind == "binary" else "")
            if media_types.is_lines(content_type):
                whole = Schema(any_of=(whole, Schema(type="array"), Schema(type="object", open_map=True)))
            return self._whole(kind, content_type, whole)
        shape = _members(self._schemas, schema, self._place)
        if shape is None:
            return self._whole(kind, content_type, schema)
        encoding = media.get("encoding") if kind != "json" else None
        encoding = encoding if isinstance(encoding, dict) else {}
        named = dict(self._params)
        for name, member in shape.properties.items():
            if not member.read_only:
                how = encoding.get(name)
                add_param(
                    named, self._member(name, member, name in shape.required, how if isinstance(how, dict) else {})
                )
        for name in encoding.keys() - shape.properties.keys():
            self._source.warn(self._place, f"its body has no {name!r}, so the encoding of it is left out")
        extra = shape.additional or (Schema() if shape.open_map else None)
        members = {name: param for name, param in named.items() if param.location == "body"}
        return BodyForm(kind, (content_type,), members, extra=extra)

    def _whole(self, kind: BodyKind, content_type: str, schema: Schema) -> BodyForm:
        named = dict(self._params)
        add_param(named, Param(name="body", location="body", schema=schema, required=self._required))
        members = {name: param for name, param in named.items() if param.location == "body"}
        return BodyForm(kind, (content_type,), members, whole=True)

    def _member(self, name: str, schema: Schema, required: bool, how: dict[str, Any]) -> Param:
        """A member, written by its Encoding Object (OpenAPI 3.1.1): in the style it names, else by its content type."""
        styled = any(key in how for key in ("style", "explode", "allowReserved"))
        style = str(how.get("style") or "form") if styled else ""
        return Param(
            name=name,
            location="body",
            schema=schema,
            required=required,
            style=style,
            explode=bool(how.get("explode", style in ("", "form"))),
            allow_reserved=how.get("allowReserved") is True,
            content_type="" if styled else str(how.get("contentType") or ""),
            headers=tuple(self._headers(name, how.get("headers"))),
        )

    def _headers(self, name: str, headers: Any) -> Iterator[Param]:
        """The headers of a member's part, except the two that are always written."""
        for header, raw in headers.items() if isinstance(headers, dict) else ():
            if header.lower() in ("content-type", "content-disposition"):
                continue
            place = f"{self._place} encoding {name} header {header}"
            node = self._source.follow(raw, place)
            schema = self._schemas.compile(node.get("schema") or {}, place)
            yield Param(
                name=header, location="header", schema=schema, required=node.get("required") is True, style="simple"
            )


def _members(schemas: SchemaCompiler, schema: Schema, place: str) -> Schema | None:
    """The object whose members are parameters, or ``None`` if the body is a single value.

    If all alternatives are objects, the members of each are parameters; those that all require are required.
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
