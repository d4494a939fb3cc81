"""Made-up objects: the API's answer to a change, as far as its document and the call show it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from time import time
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from host.apis.api import Api
from host.apis.catalog import Operation, Schema
from host.http.message import Request, Response
from host.plan.planned_values import PlannedNames, holds_planned
from host.simulator.object_factory import ObjectFactory
from host.simulator.stripe.defaults import DEFAULTS

__all__ = ["MadeUp", "PlannedObject"]

_JSON = {"content-type": "application/json"}


class PlannedObject(NamedTuple):
    """An object the plan creates, changes or deletes. ``collection`` is the path of the collection it belongs to."""

    value: dict[str, Any]
    collection: str
    deleted: bool = False


class MadeUp:
    """The objects of one plan, by the API's name and their id. Not thread-safe."""

    def __init__(self, names: PlannedNames) -> None:
        self._names = names
        self._shapes: dict[str, ObjectFactory] = {}
        self._readers: dict[str, dict[str, Operation]] = {}
        self.objects: dict[tuple[str, str], PlannedObject] = {}

    # -- changes

    def subject(self, api: Api, operation: Operation, request: Request) -> tuple[str | None, str]:
        """The URL at which the object of a change can be read, and the id of the operation that reads it.

        ``(None, "")`` for a change that creates an object.
        """
        for path in (operation.path, operation.path.rpartition("/")[0]):
            reader = self._reader(api, path)
            if reader is None:
                continue
            same = _kind(reader.result) == _kind(operation.result)
            if same or (path == operation.path and path.endswith("}")):
                url = request.url.partition("?")[0]
                return (url if path == operation.path else url.rpartition("/")[0]), reader.id
        return None, ""

    def _reader(self, api: Api, path: str) -> Operation | None:
        """The operation that reads a path, given as in the document."""
        found = self._readers.get(api.name)
        if found is None:
            operations = filter(None, map(api.catalog.operation, api.catalog.operation_ids()))
            found = self._readers[api.name] = {each.path: each for each in operations if each.method == "GET"}
        return found.get(path)

    def known(self, api: Api, url: str) -> PlannedObject | None:
        """The plan's object at this URL, if there is one."""
        return self.objects.get((api.name, unquote(_path(url).rpartition("/")[2])))

    def change(
        self,
        api: Api,
        operation: Operation,
        request: Request,
        values: Mapping[str, Any],
        base: dict[str, Any] | None,
        url: str = "",
    ) -> tuple[Response, Any]:
        """The answer to a change, and its decoded value.

        ``values`` are the parameters of the call. ``base`` is the object before the change, if it is known; ``url`` is
        that of an existing object.
        """
        if operation.result is None:
            self._delete(api, operation, request)
            return Response(204, url=request.url), None
        full = self._full(api, operation.result)
        if full.type not in ("object", "") or not full.properties:
            value = self._plain(full, operation)
            return _answer(value, request.url), value
        given = {name: each for name, each in values.items() if name not in operation.path_params}
        field = api.catalog.facts.id_field
        gone = operation.method == "DELETE" and "deleted" in full.properties
        value = {} if gone else self._object(api, operation, given, base)
        if url and base is None and not gone and field in value:
            value[field] = unquote(url.rpartition("/")[2])
        if operation.method == "DELETE":
            id = self._delete(api, operation, request)
            if gone:
                value = {**self._fresh(api, operation), field: id, "deleted": True}
        elif field in value:
            path = _path(request.url)
            collection = path if base is None and not url else path.rpartition("/")[0]
            self.objects[api.name, str(value[field])] = PlannedObject(value, collection)
        return _answer(self._expanded(api, full, value, given.get("expand")), request.url), value

    def _object(
        self, api: Api, operation: Operation, given: dict[str, Any], base: dict[str, Any] | None
    ) -> dict[str, Any]:
        factory = self._shapes_of(api)
        template = factory.template(_kind(operation.result), operation.result)
        # A copy: answers that the script already has must not change.
        value = factory.fresh(template, int(time())) if base is None else deepcopy(base)
        factory.put(template.schema, value, given)
        field = api.catalog.facts.id_field
        if base is None:
            if field in template.schema.properties and not given.get(field):
                is_number = api.catalog.resolve(template.schema.properties[field]).type in ("integer", "number")
                kind = _kind(operation.result).rpartition(".")[2] or operation.resource
                value[field] = self._names.number() if is_number else self._names.new(kind)
            for path in template.invented:
                self._name(value, path)
        return value

    def _name(self, value: dict[str, Any], path: str) -> None:
        """Replace an empty text at ``path`` by a planned one."""
        *steps, last = path.split(".")
        node: Any = value
        for step in steps:
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, dict) and node.get(last) == "":
            node[last] = self._names.new(last)

    def _plain(self, full: Schema, operation: Operation) -> Any:
        if full.type == "array":
            return []
        if full.type in ("integer", "number"):
            return 0
        if full.type == "boolean":
            return True
        name = self._names.new(operation.resource or operation.id)
        return name if full.type == "string" else {"id": name}

    def _fresh(self, api: Api, operation: Operation) -> dict[str, Any]:
        factory = self._shapes_of(api)
        return factory.fresh(factory.template(_kind(operation.result), operation.result), int(time()))

    def _delete(self, api: Api, operation: Operation, request: Request) -> str | None:
        if operation.method != "DELETE" or not operation.path.endswith("}"):
            return None
        collection, _, last = _path(request.url).rpartition("/")
        id = unquote(last)
        before = self.objects.get((api.name, id))
        gone = {api.catalog.facts.id_field: id, "deleted": True}
        if before is not None and "object" in before.value:
            gone["object"] = before.value["object"]
        self.objects[api.name, id] = PlannedObject(gone, collection, deleted=True)
        return id

    def _expanded(self, api: Api, full: Schema, value: dict[str, Any], expand: Any) -> dict[str, Any]:
        """The answer with the objects named in ``expand`` in place of their ids: the plan's own, or made-up ones."""
        if not isinstance(expand, list):
            return value
        found = dict(value)
        for name in expand:
            if not isinstance(name, str) or name not in full.properties or not isinstance(found.get(name), str):
                continue
            known = self.objects.get((api.name, found[name]))
            if known is not None:
                found[name] = known.value
                continue
            choices = api.catalog.resolve(full.properties[name]).any_of or full.properties[name].any_of
            kind = next((each for each in choices if each.ref), None)
            if kind is not None:
                factory = self._shapes_of(api)
                inner = factory.fresh(factory.template(kind.ref), int(time()))
                found[name] = {**inner, api.catalog.facts.id_field: found[name]}
        return found

    # -- reads

    def read(self, api: Api, operation: Operation, request: Request) -> tuple[Response | None, list[str]]:
        """The answer to a read of planned objects, or ``None``; and ids of objects missing in the API's list."""
        if operation.path.endswith("}"):
            known = self.known(api, request.url)
            if known is not None:
                full = self._full(api, operation.result) if operation.result is not None else Schema()
                expand = [value for name, value in _query(request.url) if name.startswith("expand")]
                return _answer(self._expanded(api, full, known.value, expand), request.url), []
            if not holds_planned(unquote(request.url)):
                return None, []
            return self._unknown(api, operation, request), []
        concerned = self._listed(api, request)
        if not holds_planned(unquote(request.url)):
            return None, concerned
        if operation.paging is None:
            return self._unknown(api, operation, request), []
        return self._page(api, operation, request, concerned), []

    def _unknown(self, api: Api, operation: Operation, request: Request) -> Response:
        if operation.result is None:
            return Response(204, url=request.url)
        full = self._full(api, operation.result)
        if full.type not in ("object", "") or not full.properties:
            return _answer(self._plain(full, operation), request.url)
        return _answer(self._object(api, operation, {}, None), request.url)

    def _listed(self, api: Api, request: Request) -> list[str]:
        """Ids of the plan's objects that belong, or may belong, to the list at a URL."""
        path = _path(request.url)
        places = (path, path.removesuffix("/search"))
        return [id for (name, id), each in self.objects.items() if name == api.name and each.collection in places]

    def _page(self, api: Api, operation: Operation, request: Request, ids: list[str]) -> Response:
        """A list of objects of a planned object. All of them are in the plan, as the API does not know it."""
        wanted = dict(_query(request.url))
        found = [self.objects[api.name, id] for id in ids]
        items = [each.value for each in found if not each.deleted and _fits(each.value, wanted)]
        full = self._full(api, operation.result or Schema())
        if full.type == "array" or not operation.page_items:
            return _answer(items, request.url)
        page: dict[str, Any] = {"object": "list", "has_more": False, "url": _path(request.url)}
        node = page
        *steps, last = operation.page_items.split(".")
        for step in steps:
            node = node.setdefault(step, {})
        node[last] = items
        return _answer(page, request.url)

    # -- shapes

    def _shapes_of(self, api: Api) -> ObjectFactory:
        found = self._shapes.get(api.name)
        if found is None:
            found = self._shapes[api.name] = ObjectFactory(api.catalog, DEFAULTS if api.name == "stripe" else {})
        return found

    def _full(self, api: Api, schema: Schema) -> Schema:
        full = api.catalog.resolve(schema)
        if full.any_of and not full.properties:
            full = api.catalog.resolve(full.any_of[0])
        return full


def _kind(schema: Schema | None) -> str:
    """The name of a shared schema, or a unique name for any other."""
    if schema is None:
        return ""
    if schema.ref:
        return schema.ref
    if schema.any_of:
        return _kind(schema.any_of[0])
    return f"\0{id(schema)}"


def _path(url: str) -> str:
    """The path of an absolute URL."""
    return "/" + url.partition("?")[0].partition("://")[2].partition("/")[2]


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(url.partition("?")[2], keep_blank_values=True)


def _fits(value: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether an object matches the filters of a list, as far as it has members of the same names."""
    for name, each in wanted.items():
        own = value.get(name)
        if isinstance(own, str | int) and not isinstance(own, bool) and str(own) != each:
            return False
    return True


def _answer(value: Any, url: str) -> Response:
    return Response(200, _JSON, msgspec.json.encode(value), url=url)
