"""Resolves the names scripts use for APIs: operations, builders and their methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from host.apis.api import Api
from host.apis.catalog import Operation
from host.apis.methods import builder_method, has_method
from host.apis.nearest import meant, short
from host.apis.options import CallOptions
from host.apis.prepare import check_value
from host.apis.unknown_names import other_version
from host.errors import InvalidCall

if TYPE_CHECKING:
    from host.apis.documented_events import DocumentedEvent

__all__ = ["REQUEST", "ApiNames"]

REQUEST = ".request"  # the last part of the name by which a script sends an arbitrary request


class ApiNames:
    """The names of a host's APIs; each is resolved once. Thread-safe.

    ``builders`` are those that the program has registered, by name.
    """

    def __init__(self, apis: Mapping[str, Api], builders: Mapping[str, Api], default_api: str) -> None:
        self.apis = apis
        self.builders = builders
        self._default_api = default_api
        self._operations: dict[str, tuple[Api, Operation]] = {}
        self._methods: dict[tuple[str, str], tuple[bytes, ...]] = {}  # of builders, as the Lua side gets them
        self._facts: dict[tuple[str, tuple[str, ...]], tuple[bytes | None, ...]] = {}  # facts of builders

    def builder(self, name: str) -> tuple[Api, Operation] | None:
        """The API and operation behind the global ``new_<name>``."""
        api = self.builders.get(name) or self.apis.get(self._default_api)
        operation = api.catalog.builder(name) if api is not None else None
        return (api, operation) if api is not None and operation is not None else None

    def operation(self, label: str) -> tuple[Api, Operation]:
        """The API and operation of ``stripe.products.create``. Raises ``InvalidCall``."""
        found = self._operations.get(label)
        if found is None:
            name, _, rest = label.partition(".")
            api = self.apis.get(name) or self.builders.get(name.removeprefix("new_"))
            operation = api.catalog.operation(rest) if api is not None else None
            if api is None or operation is None:
                raise InvalidCall(f"there is no operation {label}")
            found = self._operations[label] = (api, operation)
        return found

    def event_names(self) -> tuple[str, ...]:
        """The names of Stripe's events, or none where Stripe is no API of the host."""
        stripe = self.apis.get("stripe")
        return stripe.catalog.schema("event").properties["type"].enum if stripe is not None else ()

    def documented_event(self, type: str, event: dict[str, Any]) -> DocumentedEvent | None:
        """What the documents of added APIs say about an event, if they describe any; Stripe's events are not
        included.
        """
        kind = event.get("object")
        if kind == "v2.core.event" or (kind == "event" and type in self.event_names()):
            return None
        from host.apis.documented_events import documented  # most runs handle no event

        return documented((api.catalog for name, api in self.apis.items() if name != "stripe"), type, event)

    def member(self, path: str, key: str) -> str | tuple[Api, Operation | None, bool]:
        """What ``key`` means in a namespace: a longer path, or an operation (``None`` for ``request``) and whether it
        belongs to a builder.

        Raises ``InvalidCall`` with the nearest name.
        """
        name, _, prefix = path.partition(".")
        api = self.apis[name]
        if not prefix and key.startswith("new_"):
            operation = api.catalog.builder(key[4:])
            if operation is not None:
                return api, operation, True
            near = meant(key, [f"new_{each}" for each in api.catalog.builder_names()])
            raise InvalidCall(f'{name} has no "{short(key)}"{near}')
        full = f"{prefix}.{key}" if prefix else key
        operation = api.catalog.operation(full)
        if operation is not None:
            return api, operation, False
        if api.catalog.children(full):
            return f"{name}.{full}"
        if full == REQUEST[1:]:
            return api, None, False
        from host.apis.legacy_names import missing_member  # needed only for an error message

        kind = "operation" if prefix else "resource"
        raise InvalidCall(f'{path} has no {kind} "{short(key)}"{missing_member(api.catalog, prefix, key)}')

    def method(self, label: str, name: str) -> tuple[bytes, ...]:
        """(kind, parameter, letter, field, field) of a builder's method. Raises ``InvalidCall``."""
        found = self._methods.get((label, name))
        if found is None:
            api, operation = self.operation(label)
            try:
                method = builder_method(api.catalog, operation, name)
            except InvalidCall:
                if not other_version(api.catalog.facts, None):
                    raise
                return b"set", name.encode(), b""
            row = (method.kind, method.param, method.code, *method.fields)
            found = self._methods[label, name] = tuple(each.encode() for each in row)
        return found

    def builder_facts(self, api: Api, operation: Operation, names: tuple[str, ...]) -> tuple[bytes | None, ...]:
        """What Lua gets about a builder: its operation; its resource; those of ``names`` that are methods of it,
        each followed by the five values of :meth:`method`.
        """
        label = f"{api.name}.{operation.id}"
        found = self._facts.get((label, names))
        if found is None:
            flags = ("i" if "id" in operation.params else "") + ("d" if "data" in operation.params else "")
            values: list[bytes | None] = [label.encode(), f"{operation.resource} {flags}".encode()]
            for name in names:
                if has_method(api.catalog, operation, name):
                    method = self.method(label, name)
                    values += (name.encode(), *method, *(None,) * (5 - len(method)))
            if len(self._facts) > 1000:
                self._facts.clear()
            found = self._facts[label, names] = tuple(values)
        return found

    def check(self, label: str, name: str, value: Any, currency: str | None = None, version: str | None = None) -> None:
        """Raise ``InvalidCall`` unless ``value`` may be given for that parameter (``:with``: as options).

        ``currency`` is the one set on the builder, for the message; ``version`` is the API version it asks for.
        """
        api, operation = self.operation(label)
        if name == ":with":
            CallOptions.parse(value)
        else:
            check_value(api.catalog, operation, name, value, currency, version)
