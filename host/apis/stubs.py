"""Writes type stubs of the APIs available to scripts, for editors, as LuaCATS annotations.

The Lua language server reads them: https://luals.github.io/wiki/annotations
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from host.apis.catalog import Catalog, Operation, Param, Schema
from host.apis.descriptions import Described, Descriptions
from host.apis.facts import Method
from host.apis.methods import builder_method, method_names
from host.apis.naming import KEYWORDS, identifier
from host.apis.parameter_reference import plain_text
from host.errors import UsageError

__all__ = ["stub_files", "write_stubs"]

LARGEST = 300_000  # characters of a file; the language server skips files beyond 500 KB
MOST_VALUES = 40  # values listed of an enum
LONGEST_TEXT = 240  # characters of a description
NO_TEXTS = Descriptions()
# The methods each builder has besides its parameters. After create(), ``id`` and ``data`` are values and hide
# parameters of those names.
_OWN = {
    "copy": "",
    "set": ", name: string, ...: any",
    "params": ", params: table<string, any>",
    "with": ", options: host.Options",
}
_AFTERWARDS = ("id", "data")
_SCALARS = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def write_stubs(
    folder: Path, apis: Iterable[tuple[Catalog, Descriptions]], more: Iterable[tuple[str, str]] = ()
) -> list[Path]:
    """Write the stubs of ``apis``, and ``more`` files as (name, text), to ``folder``; returns their paths.

    ``folder`` is created if it does not exist. Raises ``UsageError`` if a file cannot be written.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        common = resources.files("host.apis").joinpath("stubs.lua").read_text(encoding="utf-8")
        for name, text in [("host.lua", common), *more, *(each for one in apis for each in stub_files(*one))]:
            path = folder / name
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise UsageError(f"types cannot be written to {folder}: {error.strerror}") from error
    return written


def stub_files(catalog: Catalog, texts: Descriptions = NO_TEXTS) -> list[tuple[str, str]]:
    """The stub files of one API as (name, text): its builders, operations and objects, with their descriptions."""
    title = f"{catalog.title} {catalog.version}".replace("\n", " ")
    head = f"---@meta\n-- {title}: written by `host apis --stubs`, not meant to be run.\n"
    files: list[list[str]] = [[head]]
    size = 0
    for block in _Writer(catalog, texts).blocks():
        if size + len(block) > LARGEST:
            files.append([head])
            size = 0
        files[-1].append(block)
        size += len(block)
    names = [catalog.name if n == 0 else f"{catalog.name}_{n + 1}" for n in range(len(files))]
    return [(f"{name}.lua", "\n".join(blocks)) for name, blocks in zip(names, files, strict=True)]


_CONSTRUCT = "fun(payload: string, signature: string, secret: string|string[], tolerance?: number): stripe.object.event"
_WEBHOOKS = f"{{ construct_event: {_CONSTRUCT} }}"


class _Writer:
    def __init__(self, catalog: Catalog, texts: Descriptions) -> None:
        self.catalog = catalog
        self.texts = texts
        self.name = catalog.name
        self.used: dict[str, None] = {}  # shared schemas referred to so far
        self.pages: dict[str, str] = {}  # class name -> text of the list page classes
        self.own_globals = catalog.name == "stripe"

    def blocks(self) -> Iterator[str]:
        operations = [op for id in self.catalog.operation_ids() if (op := self.catalog.operation(id))]
        for operation in operations:
            if operation.builder:
                yield self.builder(operation)
        groups: dict[str, list[Operation]] = {}
        for operation in operations:
            groups.setdefault(operation.id.rpartition(".")[0], []).append(operation)
        yield from self.namespaces(groups)
        yield from self.pages.values()
        yield from self.webhooks()
        done: set[str] = set()
        while left := [ref for ref in self.used if ref not in done]:
            for ref in left:
                done.add(ref)
                yield self.schema_class(ref)

    def comment(self, operation: Operation) -> list[str]:
        """The description of an operation as comment lines: one, or none."""
        said = self.texts.operation(operation.id)
        text = _short(said.summary or said.text)
        return [f"--- {text}"] if text else []

    def said(self, described: Described) -> str:
        """The description of a field as the end of its line, or ""."""
        text = _short(self.texts.text(described))
        return f" # {text}" if text else ""

    # -- builders

    def builder(self, operation: Operation) -> str:
        kind = f"{self.name}.new.{operation.builder}"
        identity, whole = self.created(operation)
        lines = [
            *self.comment(operation),
            f"---@class {kind} : host.Builder",
            f"---@field id {identity}",
            f"---@field data {whole}",
            f"---@field create fun(self: {kind}): {identity}",
            *(f"---@field {name} fun(self: {kind}{given}): {kind}" for name, given in _OWN.items()),
        ]
        for name in method_names(self.catalog, operation):
            if name in KEYWORDS or name in _AFTERWARDS:
                continue
            method = builder_method(self.catalog, operation, name)
            said = self.said(self.texts.param(operation.id, method.param))
            lines.append(f"---@field {name} fun(self: {kind}{self.arguments(operation, method)}): {kind}{said}")
        if self.own_globals:
            lines += [f"---@return {kind}", f"function new_{operation.builder}() end"]
        return "\n".join(lines) + "\n"

    def created(self, operation: Operation) -> tuple[str, str]:
        """The types of a builder's ``id`` and ``data`` after a successful ``create()``."""
        if operation.result is None:
            return "nil", "any"
        identity = self.catalog.resolve(operation.result).properties.get(self.catalog.id_field)
        return "nil" if identity is None else self.type(identity), self.type(operation.result)

    def arguments(self, operation: Operation, method: Method) -> str:
        param = operation.params[method.param]
        shape = self.catalog.resolve(param.schema)
        if method.kind == "map":
            value = self.type(shape.additional) if shape.additional else "any"
            value = "string|number|boolean" if value == "string" else value  # sent as text
            return f", key: string|table, value?: {value}"
        if method.fields:
            return ", " + ", ".join(f"{name}{'?' if n else ''}: any" for n, name in enumerate(method.fields))
        if method.kind == "append":
            items = shape.items or next(
                (self.catalog.resolve(each).items for each in shape.any_of if self.catalog.resolve(each).items),
                None,
            )
            return f", value: {self.type(items) if items else 'any'}"
        return f", value: {self.type(param.schema)}"

    # -- operations

    def namespaces(self, groups: dict[str, list[Operation]]) -> Iterator[str]:
        above = {""}
        for path in groups:
            steps = path.split(".") if path else []
            above.update(".".join(steps[: n + 1]) for n in range(len(steps)))
        for path in sorted(above):
            yield from self.namespace(path, groups.get(path, []), sorted(above))

    def namespace(self, path: str, operations: list[Operation], known: list[str]) -> Iterator[str]:
        lines = [f"---@class {self.space(path)}"]
        for other in known:
            if other and other.rpartition(".")[0] == path:
                lines.append(f"---@field {other.rpartition('.')[2]} {self.space(other)}")
        for operation in operations:
            params = [(n, p) for n, p in operation.params.items() if p.location != "path"]
            if params:
                yield self.params_class(operation, params)
            about = self.comment(operation)
            name = operation.id.rpartition(".")[2]
            lines += [*about, f"---@field {name} {self.function(operation, bool(params))}"]
        if not path:
            if self.catalog.operation("request") is None:
                words = "method: string, path: string, params?: table, options?: host.Options"
                lines.append(f"---@field request fun({words}): any")
            if self.own_globals:
                lines.append(f"---@field webhooks {_WEBHOOKS}")
            else:
                lines += [
                    f"---@field new_{name} fun(): {self.name}.new.{name}" for name in self.catalog.builder_names()
                ]
            lines += [f"---@type {self.space('')}", f"{self.name} = nil"]
        yield "\n".join(lines) + "\n"

    def space(self, path: str) -> str:
        return f"{self.name}.api.{path}" if path else f"{self.name}.api"

    def params_class(self, operation: Operation, params: list[tuple[str, Param]]) -> str:
        lines = [f"---@class {self.name}.params.{operation.id}"]
        for name, param in params:
            said = self.said(self.texts.param(operation.id, name))
            lines.append(self.field(name, param.schema, param.required) + said)
        return "\n".join(lines) + "\n"

    def function(self, operation: Operation, has_params: bool) -> str:
        words = [f"{identifier(name)}: {self.type(operation.params[name].schema)}" for name in operation.path_params]
        if has_params:
            needed = any(p.required for p in operation.params.values() if p.location != "path")
            words.append(f"params{'' if needed else '?'}: {self.name}.params.{operation.id}")
        words.append("options?: host.Options")
        result = self.type(operation.result) if operation.result else "nil"
        if operation.paging and operation.result:
            result = self.page(operation, operation.result)
        return f"fun({', '.join(words)}): {result}"

    def page(self, operation: Operation, schema: Schema) -> str:
        """The type of a list page: the API's answer with ``each`` and ``collect``."""
        shape, whole = self.catalog.resolve(schema), self.type(schema)
        data = shape.properties.get("data")
        items = None if data is None else self.catalog.resolve(data).items
        if items is None:
            return f"host.Page|{whole}"
        if whole == self.object(schema.ref or ""):
            kind = f"{self.name}.page.{whole.removeprefix(f'{self.name}.object.')}"
            lines = [f"---@class {kind} : {whole}, {self.type(items)}[]"]
        else:
            kind = f"{self.name}.page.{operation.id}"
            fields = (self.field(name, each, name in shape.required) for name, each in shape.properties.items())
            lines = [f"---@class {kind} : {self.type(items)}[]", *fields]
        lines.append(f"---@field each fun(self: {kind}): fun(): {self.type(items)}")
        lines.append(f"---@field collect fun(self: {kind}, max?: integer): {self.type(items)}[]")
        self.pages[kind] = "\n".join(lines) + "\n"
        return kind

    def webhooks(self) -> Iterator[str]:
        """An overload of ``on`` for each documented event, with the type of its handler's argument."""
        lines = []
        for id in self.catalog.webhook_ids():
            webhook = self.catalog.webhook(id)
            if webhook is None or webhook.body is None:
                continue
            own = self.catalog.resolve(webhook.body).properties.get("type")
            types = self.catalog.resolve(own).enum if own is not None else ()
            names = "|".join(_quoted(name) for name in dict.fromkeys([id, *map(str, types[:MOST_VALUES])]))
            lines.append(f"---@overload fun(name: {names}, handler: fun(event: {self.type(webhook.body)}))")
        if lines:
            yield "\n".join([*lines, "function on(name, handler) end"]) + "\n"

    # -- types

    def schema_class(self, ref: str) -> str:
        shape = self.catalog.resolve(self.catalog.schema(ref))
        lines = [f"---@class {self.object(ref)}"]
        whole = self.texts.of_schema(ref)
        for name, each in shape.properties.items():
            said = self.said(self.texts.member(whole, name))
            lines.append(self.field(name, each, name in shape.required) + said)
        if shape.additional is not None:
            lines.append(f"---@field [string] {self.type(shape.additional)}")
        return "\n".join(lines) + "\n"

    def object(self, ref: str) -> str:
        return f"{self.name}.object." + ".".join(identifier(step) for step in ref.split(".") if step)

    def field(self, name: str, schema: Schema, required: bool) -> str:
        plain = name == identifier(name)
        key = name if plain else f'["{name}"]'
        return f"---@field {key}{'' if required or not plain else '?'} {self.type(schema)}"

    def type(self, schema: Schema, depth: int = 0) -> str:
        shape = self.catalog.resolve(schema)
        if schema.ref and shape.type == "object" and shape.properties:
            self.used.setdefault(schema.ref)
            return self.object(schema.ref)
        if shape.enum and all(isinstance(value, str) for value in shape.enum):
            values = [_quoted(value) for value in shape.enum[:MOST_VALUES]]
            more = not shape.closed_enum or len(shape.enum) > MOST_VALUES
            return "|".join([*values, *(["string"] if more else [])])
        if shape.any_of:
            return "|".join(dict.fromkeys(self.type(each, depth + 1) for each in shape.any_of[:6]))
        if shape.type == "array":
            inner = self.type(shape.items, depth + 1) if shape.items else "any"
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        if shape.type == "object":
            return self.table(shape, depth)
        return _SCALARS.get(shape.type, "any")

    def table(self, shape: Schema, depth: int) -> str:
        if shape.properties and depth < 3:
            members = [
                f"{name}{'' if name in shape.required else '?'}: {self.type(each, depth + 1)}"
                for name, each in shape.properties.items()
                if name == identifier(name)
            ]
            return f"{{ {', '.join(members)} }}"
        return f"table<string, {self.type(shape.additional, depth + 1) if shape.additional else 'any'}>"


def _short(text: str) -> str:
    text = plain_text(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
