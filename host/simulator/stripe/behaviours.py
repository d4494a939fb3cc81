"""Collects what the modules of this package declare about operations that do more than store objects.

A module declares, by operation: ``BEHAVIOURS`` (the function that carries it out), ``EFFECTS`` (paths of parameters it
uses, but does not answer as they were given), ``SHOWN_AT`` (parameter path → path in the answer), ``FILTERS`` (list
parameter → a function of the request and the wanted value that gives the test of an object) and ``FILTER_VALUES``
(list parameter → the values it can have, where the API's document does not say). ``MAKES`` are the kinds of
objects it creates beside those it answers. ``DUE`` are actions that the agenda carries out later. ``WATCHERS``, by
kind, are called with each object that is saved.

A module is imported when something that it declares is first needed. :mod:`host.simulator.stripe.index`, which is
generated from the modules, says which module declares what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

from host.simulator.context import Object, RequestContext
from host.simulator.modelled import Model
from host.simulator.stripe.includable import INCLUDABLE, WITHIN
from host.simulator.stripe.index import INDEX

T = TypeVar("T")


class Declared(Mapping[str, T]):
    """What the modules declare under a name, by key. Reading a key imports its modules; looking for it does not."""

    def __init__(self, name: str, read: Callable[[Iterator[Any]], T] = next) -> None:
        """``read`` makes one value from those that modules declare for a key, in the order of the index. By default it
        takes the only one.
        """
        self._name = name
        self._read = read
        self._modules: dict[str, list[str]] = {}
        for module, keys in INDEX[name].items():
            for key in keys.split():
                self._modules.setdefault(key, []).append(module)
        self._found: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._found:
            modules = (import_module(f"host.simulator.stripe.{module}") for module in self._modules[key])
            self._found[key] = self._read(getattr(module, self._name)[key] for module in modules)
        return self._found[key]

    def get(self, key: str, default: Any = None) -> Any:
        """What is declared for ``key``, or ``default``."""
        found = self._found.get(key)  # first, as this is called several times for each request
        return found if found is not None else self[key] if key in self._modules else default

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


Watcher = Callable[[RequestContext, Object], None]


def _all(declared: Iterator[Watcher]) -> Watcher:
    """All watchers of a kind as one."""
    watchers = list(declared)

    def watch(call: RequestContext, value: Object) -> None:
        for watcher in watchers:
            watcher(call, value)

    return watchers[0] if len(watchers) == 1 else watch


MODEL = Model(
    behaviours=Declared("BEHAVIOURS"),
    effects=Declared("EFFECTS"),
    shown_at=Declared("SHOWN_AT"),
    filters=Declared("FILTERS"),
    makes=frozenset(kind for kinds in INDEX["MAKES"].values() for kind in kinds.split()),
    includable=INCLUDABLE,
    within=WITHIN,
    filter_values=Declared("FILTER_VALUES"),
)
DUE: Mapping[str, Callable[[RequestContext, str], Any]] = Declared("DUE")
EARLY = ("end_discount", "expire_invoice", "schedule")  # carried out before other actions of the same second
WATCHERS: Mapping[str, Watcher] = Declared("WATCHERS", _all)
