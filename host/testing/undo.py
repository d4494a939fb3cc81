"""Takes back what a script created, where the API has an inverse."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from host.apis.catalog import Catalog
from host.events import CallEnded, CallStarted, Event
from host.host import Host

# What takes an operation back, most thorough first. Whatever has none of these stays as it is.
_INVERSES = {
    "create": (
        *("delete", "cancel", "void_invoice", "void_credit_note", "void_grant"),
        *("expire", "deactivate", "archive", "uninstall", "reverse"),
    ),
    "attach": ("detach",),
}

_UNDO = """
local failed = {}
for _, made in ipairs(undo) do
  for _, way in ipairs(made) do
    local operation = _G
    for step in way.operation:gmatch("[^.]+") do operation = operation[step] end
    local ok, err = pcall(operation, unpack(way.arguments))
    if ok or err.status == 404 then break end
    -- What the API itself refuses (a payment that went through) has no inverse any more.
    if err.kind ~= "api" or err.status >= 500 then
      failed[#failed + 1] = way.operation .. ": " .. err.message
    end
  end
end
if #failed > 0 then error("not undone: " .. table.concat(failed, "; "), 0) end
"""


class Made(msgspec.Struct, frozen=True):
    """One creation that succeeded."""

    run_id: str
    operation: str  # "stripe.customers.create"
    id: str
    arguments: dict[str, Any]


class CreatedObjects:
    """A sink that remembers what calls created."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], CallStarted] = {}
        self.made: list[Made] = []

    def emit(self, event: Event) -> None:
        """Takes every event; keeps the creations."""
        if isinstance(event, CallStarted):
            if event.operation.rpartition(".")[2] in _INVERSES:
                self._open[event.run_id, event.call_id] = event
        elif isinstance(event, CallEnded):
            started = self._open.pop((event.run_id, event.call_id), None)
            if started is not None and event.error is None and event.result is not None:
                self.made.append(Made(event.run_id, event.operation, event.result, started.arguments))


def undo(host: Host, made: Iterable[Made]) -> None:
    """Delete, cancel or deactivate what was made, last first. Raises ``ScriptError`` where that failed."""
    ways = [ways for each in reversed(list(made)) if (ways := _ways(host, each))]
    if ways:
        host.run_source(_UNDO, name="undo", globals={"undo": ways}).raise_for_error()


def _ways(host: Host, made: Made) -> list[dict[str, Any]]:
    """The calls that could take it back, in the order to try them."""
    api, _, rest = made.operation.partition(".")
    catalog = host.catalog(api)
    resource, _, verb = rest.rpartition(".")
    ways = []
    for inverse in _INVERSES[verb]:
        label = f"{resource}.{inverse}"
        arguments = _path_arguments(catalog, label, made)
        if arguments is not None:
            ways.append({"operation": f"{api}.{label}", "arguments": arguments})
    update = catalog.operation(f"{resource}.update")
    if update is not None and "active" in update.params:  # a product with prices cannot be deleted
        arguments = _path_arguments(catalog, f"{resource}.update", made)
        if arguments is not None:
            arguments.append({"active": False})
            ways.append({"operation": f"{api}.{resource}.update", "arguments": arguments})
    return ways


def _path_arguments(catalog: Catalog, label: str, made: Made) -> list[Any] | None:
    """The inverse's path arguments: the object's id last, before it what the creation had in its own path."""
    operation, creation = catalog.operation(label), catalog.operation(made.operation.partition(".")[2])
    if operation is None or creation is None:
        return None
    outer = _placeholders(operation.path)[:-1]
    own = _placeholders(creation.path)
    found = []
    for name in outer:
        if name in made.arguments:
            found.append(made.arguments[name])
        elif name in own and (place := str(own.index(name) + 1)) in made.arguments:
            found.append(made.arguments[place])
        else:
            return None
    return [*found, made.id]


def _placeholders(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)
