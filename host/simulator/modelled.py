"""Which operations of an API are modelled, and how: by a behaviour of their own, as stored objects, or not at all.

What is not modelled is refused (:mod:`host.simulator.not_simulated`). Of an operation on stored objects that covers
what its answer must hold and nobody gave, what it was given and does not answer, and filters of lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec

from host.simulator import effects, resources
from host.simulator.context import Filter, Includable, Object, RequestContext
from host.simulator.not_simulated import names
from host.simulator.object_factory import gives
from host.simulator.routes import Plan

Behaviour = Callable[[RequestContext], Object | bytes]
Modelled = Literal["behaviour", "stored", "refused"]
_STORED = frozenset({"create", "update", "delete", "single", "retrieve", "list", "search"})
_ALWAYS = frozenset({"expand"})  # what the engine does for every operation


class Model(NamedTuple):
    """What is known of an API beyond its document.

    ``behaviours``, ``effects``, ``shown_at`` and ``filters`` are by operation (see :mod:`host.simulator.effects` and
    :mod:`host.simulator.pagination`), ``makes`` are kinds of objects that behaviours make beside the one they answer.
    ``verbs`` are actions that do no more than set these members of their object. ``includable`` are, by kind, members
    that are only there when expanded.
    """

    behaviours: Mapping[str, Behaviour]
    effects: Mapping[str, frozenset[str]]
    shown_at: Mapping[str, Mapping[str, str]]
    filters: Mapping[str, Mapping[str, Filter]]
    makes: frozenset[str]
    verbs: Mapping[str, Mapping[str, Any]]
    includable: Mapping[str, Mapping[str, Includable]] = {}

    def how(self, plan: Plan) -> Modelled:
        """How the operation is modelled."""
        id = plan.operation.id
        if id in self.behaviours:
            return "behaviour"
        if id in self.verbs:
            return "stored"
        return "stored" if plan.action in _STORED else "refused"


class ModelRule:
    """Keeps what is not modelled from being answered as if it were."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def behaviour(self, plan: Plan) -> Behaviour | None:
        """What the operation does of its own."""
        found = self._model.behaviours.get(plan.operation.id)
        if found is None and (members := self._model.verbs.get(plan.operation.id)) is not None:
            return partial(resources.set_members, members)
        return found

    def before(self, call: RequestContext) -> None:
        """Refuse an operation that nothing models; hand a list its filters."""
        if self._model.how(call.plan) == "refused":
            call.not_modelled("")
        if call.plan.action == "list":
            call.filters = self._model.filters.get(call.plan.operation.id, {})

    def after(self, call: RequestContext, answer: Object | bytes) -> None:
        """Refuse an answer that holds something invented, or has nothing to say of something given."""
        plan = call.plan
        if plan.action in ("list", "search"):
            return
        if call.invented and plan.operation.id not in self._model.behaviours:
            self._invented(call)
        if call.params:
            self._dropped(call, answer)

    def _invented(self, call: RequestContext) -> None:
        given = call.params
        missing = [path for path in dict.fromkeys(call.invented) if not gives(given, path)]
        if not missing:
            return
        call.not_modelled(
            f"{', '.join(missing[:6])}{' …' if len(missing) > 6 else ''} in the answer",
            "Nobody gave a value, and none is computed.",
        )

    def _dropped(self, call: RequestContext, answer: Object | bytes) -> None:
        id, given = call.plan.operation.id, call.params
        if isinstance(answer, dict) and all(name in answer and answer[name] == given[name] for name in given):
            return
        given = {name: value for name, value in given.items() if name not in _ALWAYS}
        handled = self._model.effects.get(id, effects.NOTHING)
        whole = msgspec.json.decode(answer) if isinstance(answer, bytes) else answer
        for label in effects.dropped(given, whole, handled, self._model.shown_at.get(id)):
            call.not_modelled(f"the parameter {label}", self._instead(call, handled), label)

    def _instead(self, call: RequestContext, handled: frozenset[str]) -> str:
        plan = call.plan
        shown = call.world.shapes.template(plan.kind, plan.shape).schema.properties if plan.shape is not None else {}
        taken = [n for n, p in plan.operation.params.items() if p.location != "path" and (n in shown or n in handled)]
        return f"It takes {names(taken)}." if taken else ""
