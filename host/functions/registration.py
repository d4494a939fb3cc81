"""Registers what an embedding program adds for scripts: functions, modules of functions, builders of classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

from host import arguments
from host.apis.api import Api
from host.apis.catalog import Catalog, Operation
from host.bridge.in_flight import AsyncFunction
from host.bridge.registry import AsyncFunctionRegistry
from host.bridge.threads import Threads
from host.errors import InvalidCall, UsageError
from host.functions.iterators import IteratorStep, Stream
from host.http.message import Request, Response
from host.lua.globals import STANDARD
from host.lua.values import plain

if TYPE_CHECKING:
    from host.functions.functions import Effect, Function

__all__ = ["Functions"]

RESERVED = frozenset({"api"})  # used by the registry itself


class Functions:
    """The functions and builders of one host. ``by_name`` and ``builders`` change as some are added.

    ``taken`` returns further names that mean something to scripts, and that no function may have.
    """

    def __init__(self, registry: AsyncFunctionRegistry, taken: Callable[[], Collection[str]]) -> None:
        self.by_name: dict[str, Function] = {}
        self.builders: dict[str, Api] = {}
        self.threads = Threads()
        self._registry = registry
        self._taken = taken
        registry.register("iterator.next", _next_item)
        registry.register("iterator.close", _close)

    def add(
        self,
        target: Callable[..., Any],
        name: str | None = None,
        *,
        effect: Effect = "write",
        inline: bool = False,
        scope: Mapping[str, Any] | None = None,
    ) -> Function:
        """Register a function. Raises ``UsageError`` for a name or a function that Lua cannot use."""
        from host.functions.functions import Function, check_function  # with signatures: for hosts that have any

        check_function(target, name or "")
        label = name if name is not None else getattr(target, "__name__", "")
        self._check_name(label)
        function = Function(target, label, self.threads, effect=effect, inline=inline, scope=scope)
        self._registry.register(label, function)
        self.by_name[label] = function
        return function

    def add_all(self, source: object, *, effect: Effect = "write", prefix: str = "") -> list[str]:
        """Register the public functions that a module defines (or lists in ``__all__``), or an object's public methods.

        Returns their names. Raises ``UsageError`` if there are none.
        """
        found = _public(source)
        if not found:
            raise UsageError(f"functions: the source {arguments.shown(source)} has no public functions")
        for name in found:
            self._check_name(prefix + name)
        for name, target in found.items():
            self.add(target, prefix + name, effect=effect)
        return [prefix + name for name in found]

    def add_builder(
        self,
        kind: type,
        *,
        name: str | None = None,
        create: Callable[[Any], Any] | None = None,
        effect: Effect,
    ) -> str:
        """Add ``new_<name>()`` for a dataclass, msgspec or pydantic model. Returns the builder's full name.

        The builder's ``create()`` calls ``create(instance)``, async or plain; by default the method ``create`` of the
        class. It returns the id, or an object with a member ``id``. Raises ``UsageError`` for a class without fields
        that Lua can set, without such a method, or with a name in use.
        """
        from host.functions.functions import check_effect

        check_effect(effect, kind.__name__)
        label = name or _snake(kind.__name__)
        make = create or getattr(kind, "create", None)
        if not callable(make):
            raise UsageError(f"{kind.__name__} has no method create: add one, or pass create=function")
        full = f"new_{label}"
        self._check_name(full)
        if label in self.builders:
            raise UsageError(f"there is a builder {full} already")
        catalog = _catalog(kind, full, label)
        self._registry.register(full, _maker(kind, full, make, self.threads))
        self.builders[label] = Api(catalog, catalog.base_url, function=full)
        return full

    def close(self) -> None:
        """End the threads of the pool."""
        self.threads.close()

    def _check_name(self, name: str) -> None:
        from host.apis.naming import KEYWORDS  # for hosts with functions of their own

        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name or "") or name in KEYWORDS:
            raise UsageError(f"{name!r} cannot name a function in Lua", hint="Give another with name=….")
        if name in self.by_name:
            raise UsageError(f"a function is already registered as {name!r}")
        if name in STANDARD or name in RESERVED or name in self._taken():
            raise UsageError(f"{name!r} means something else to scripts", hint="Give another with name=….")


async def _next_item(step: IteratorStep, deadline: float) -> Any:
    return await step(deadline)


async def _close(stream: Stream, _: float) -> None:
    await stream.aclose()


def _public(source: object) -> dict[str, Callable[..., Any]]:
    if isinstance(source, ModuleType):
        listed = getattr(source, "__all__", None)
        if listed is not None:
            return {name: value for name in listed if inspect.isfunction(value := getattr(source, name))}
        own = {name: value for name, value in vars(source).items() if inspect.isfunction(value)}
        return {
            name: value
            for name, value in own.items()
            if not name.startswith("_") and value.__module__ == source.__name__
        }
    names = [name for name in dir(source) if not name.startswith("_")]
    return {name: value for name in names if inspect.ismethod(value := getattr(source, name))}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _catalog(kind: type, full: str, label: str) -> Catalog:
    """Compile a class to an API with one operation, so that its builder is checked like any other."""
    from host.apis.openapi import compile  # for hosts with builders of their own

    if hasattr(kind, "model_json_schema"):
        schema = kind.model_json_schema(ref_template="#/components/schemas/{model}", mode="validation")
        shared = schema.pop("$defs", {})
    else:
        try:
            template = "#/components/schemas/{name}"
            (schema,), shared = msgspec.json.schema_components([kind], ref_template=template)
        except (TypeError, NameError) as error:
            raise UsageError(f"{kind.__name__} cannot be a builder: {error}") from None
    content = {"application/json": {"schema": schema}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": kind.__name__},
        "servers": [{"url": "http://localhost"}],  # never called: the class answers
        "paths": {
            f"/{label}": {
                "post": {
                    "operationId": "create",
                    "requestBody": {"required": True, "content": content},
                    "responses": {"201": {"content": {"application/json": {"schema": {}}}}},
                }
            }
        },
        "components": {"schemas": shared},
    }

    def named(operation: Operation) -> Operation:
        return msgspec.structs.replace(operation, builder=label, resource=label)

    return compile(document, full, adjust=named)


def _maker(kind: Any, full: str, make: Callable[[Any], Any], threads: Threads) -> AsyncFunction:
    """The function that answers a builder's request: it makes an instance of the parameters and calls ``make``."""

    def read(content: bytes) -> Any:
        try:
            if hasattr(kind, "model_validate_json"):
                return kind.model_validate_json(content)
            return msgspec.json.decode(content, type=kind)
        except ValueError as error:
            raise InvalidCall(f"{full}: {error}") from None

    async def answer(request: Request, deadline: float) -> Response:
        instance = read(request.content or b"{}")
        if inspect.iscoroutinefunction(make):
            value = await make(instance)
        else:
            value = await threads.run(lambda: make(instance))
            value = await value if inspect.isawaitable(value) else value
        value = plain(value)
        if not isinstance(value, dict):
            value = {} if value is None else {"id": value}
        return Response(201, {"content-type": "application/json"}, msgspec.json.encode(value), url=request.url)

    return answer
