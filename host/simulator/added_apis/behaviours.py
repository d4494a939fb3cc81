"""The functions that carry out the operations of an added API, by kind of operation."""

from __future__ import annotations

from collections.abc import Callable

from host.simulator.added_apis import pages, resources
from host.simulator.context import Object, RequestContext

ACTIONS: dict[str, Callable[[RequestContext], Object | bytes]] = {
    "create": resources.create,
    "retrieve": resources.retrieve,
    "list": pages.page,
    "update": resources.update,
    "delete": resources.delete,
    "act": resources.act,
    "single": resources.single,
    "compute": resources.compute,
}
