"""Reads the parameters of a request to an added API, in the styles and content types that its document has."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import unquote_plus

from host.apis.catalog import Operation, Param, Schema
from host.apis.media_types import is_json
from host.simulator.api_error import SimulatedError, invalid
from host.simulator.checks import Checker
from host.simulator.parsing import MOST_FIELDS, Tree, form_tree, json_tree, multipart_tree

MARK = "page_start"  # the simulator's own parameter in URLs of pages, where the document has none for it
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}


class AddedChecker(Checker):
    """Reads parameters by their schemas, without Stripe's own limits."""

    def request(self, operation: Operation, query: str, content_type: str, body: bytes) -> tuple[Tree, Tree]:
        """The parameters of a request by the names that scripts use, and all that was sent.

        Raises :class:`SimulatedError`.
        """
        params = operation.params
        if operation.paging in ("url", "link"):  # remove what the simulator's own URLs add
            query = "&".join(pair for pair in query.split("&") if pair.partition("=")[0] != MARK)
        asked = self._tree({p.name: p for p in params.values() if p.location == "query"}, query)
        found = self._typed(operation, asked, "query", typed=False)
        if not body and not operation.body:
            return found, {"query": asked, "body": {}}
        members = {p.name: p for p in params.values() if p.location == "body"}
        sent, typed = self._sent(operation, members, content_type, body)
        if operation.whole_body or not isinstance(sent, dict):
            found.update(self._whole(operation, sent, typed is True))
        else:
            found.update(self._typed(operation, sent, "body", typed=typed))
        return found, {"query": asked, "body": sent}

    def _whole(self, operation: Operation, sent: Any, typed: bool) -> Tree:
        inner = operation.params.get("body")
        if inner is None:
            raise SimulatedError(400, "Invalid request body: an object is expected")
        return {} if sent is None else {"body": self.value(inner.schema, sent, "body", typed)}

    def _typed(self, operation: Operation, tree: Tree, location: str, *, typed: bool | set[str]) -> Tree:
        """Values by their schemas. ``typed`` says whether they have types, as in JSON, or names those that have."""
        named = {param.name: name for name, param in operation.params.items() if param.location == location}
        open_ = operation.extra if location == "body" else None
        unknown = [name for name in tree if name not in named]
        if unknown and open_ is None:
            raise self._unknown(unknown, list(named))
        found: Tree = {}
        for wire, value in tree.items():
            if wire in named:
                of_json = wire in typed if isinstance(typed, set) else typed
                found[named[wire]] = self.value(operation.params[named[wire]].schema, value, wire, of_json)
            elif open_ is not None:
                found[wire] = self.value(open_, value, wire, wire in typed if isinstance(typed, set) else typed)
        for wire, name in named.items():
            param = operation.params[name]
            if param.required and name not in found and self._catalog.resolve(param.schema).default is None:
                raise invalid(f"Missing required param: {wire}.", wire, "parameter_missing")
        return found

    def _sent(
        self, operation: Operation, members: dict[str, Param], content_type: str, body: bytes
    ) -> tuple[Any, bool | set[str]]:
        kind = content_type.partition(";")[0].strip().lower()
        if not body:
            return (None, True) if operation.whole_body else ({}, False)
        if kind.endswith("json") or (not kind and operation.body == "json"):
            return json_tree(body), True
        if kind.startswith("multipart/"):
            lists = {name for name, param in members.items() if self._is_list(param.schema)}
            return self._decoded(members, multipart_tree(content_type, body, lists))
        if kind == "application/x-www-form-urlencoded" or (not kind and operation.body == "form"):
            return self._decoded(members, self._tree(members, body.decode("utf-8", "replace")))
        return body.decode("utf-8", "replace"), True

    def _decoded(self, members: dict[str, Param], tree: Tree) -> tuple[Tree, set[str]]:
        """A form whose members in JSON are decoded, and the names of these."""
        names: set[str] = set()
        for name, value in tree.items():
            param = members.get(name)
            full = self._catalog.resolve(param.schema) if param is not None else Schema()
            if param is not None and isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
                delimiter = _DELIMITERS.get(param.style) if not param.explode else None
                tree[name] = value[0].split(delimiter) if delimiter else value
                value = value[0] if self._is_text(param, full) else value
            if not isinstance(value, str):
                continue
            is_text = param is not None and is_json(param.content_type)
            if is_text or (value[:1] in ("{", "[") and full.type in ("object", "array", "")):
                with contextlib.suppress(SimulatedError):  # a text that only looks like JSON
                    tree[name] = json_tree(value.encode())
                    names.add(name)
        return tree, names

    def _is_text(self, param: Param, full: Schema) -> bool:
        """Whether a list is sent as one JSON text: its encoding says so, or its items are not text."""
        items = self._catalog.resolve(full.items or Schema())
        return is_json(param.content_type) or (not param.style and items.type in ("object", "array", ""))

    def _tree(self, params: dict[str, Param], text: str) -> Tree:
        """The parameters of a query or form, each in its style. Names that no parameter has are read as ``a[b]``."""
        tree: Tree = {}
        others: list[str] = []
        if text.count("&") >= MOST_FIELDS:
            raise invalid(f"Invalid request: more than {MOST_FIELDS:,} parameters")
        for pair in filter(None, text.split("&")):
            raw, _, value = pair.partition("=")
            name = unquote_plus(raw)
            param = params.get(name) or params.get(name.removesuffix("[]"))
            if param is None:
                others.append(pair)
            elif self._is_list(param.schema):
                tree.setdefault(param.name, []).extend(_parts(param, value))
            elif param.style == "json":
                tree[param.name] = json_tree(unquote_plus(value).encode())
            else:
                tree[param.name] = unquote_plus(value)
        if others:
            rest = form_tree("&".join(others))
            self._gather(params, rest)
            tree.update(rest)
        return tree

    def _gather(self, params: dict[str, Param], tree: Tree) -> None:
        """Put members of an object that were sent as parameters of their own (style form, exploded) into the object."""
        for name, param in params.items():
            full = self._catalog.resolve(param.schema)
            if param.style == "form" and param.explode and full.properties:
                inside = {key: tree.pop(key) for key in list(tree) if key in full.properties and key not in params}
                if inside:
                    tree[name] = inside

    def _is_list(self, schema: Schema) -> bool:
        full = self._catalog.resolve(schema)
        return full.type == "array" or any(self._catalog.resolve(each).type == "array" for each in full.any_of)

    def _empty(self, schema: Schema, full: Schema, path: str) -> Any:
        if full.type in ("string", "") and not full.enum:
            return ""
        return super()._empty(schema, full, path)

    def _check_string(self, schema: Schema, value: str, path: str) -> None:
        if schema.max_length is not None and len(value) > schema.max_length:
            raise invalid(f"Invalid string: {value[:20]}…; must be at most {schema.max_length} characters", path)


def _parts(param: Param, value: str) -> list[str]:
    if value == "":
        return []
    delimiter = _DELIMITERS.get(param.style, "," if not param.explode and param.style == "form" else "")
    if not delimiter:
        return [unquote_plus(value)]
    if delimiter != ",":  # may be written percent-encoded
        return unquote_plus(value).split(delimiter)
    return [unquote_plus(part) for part in value.split(",")]
