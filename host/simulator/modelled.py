"""Which operations of an API are modelled, and how: by a behaviour of their own, as stored objects, or not at all.

What is not modelled is refused (:mod:`host.simulator.not_simulated`). For an operation on stored objects this includes
required members of its answer that have no source, parameters that its answer does not show, and unknown filters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Literal, NamedTuple

import msgspec

from host.simulator import effects
from host.simulator.context import Backend, Filter, Includable, Object, RequestContext
from host.simulator.list_filters import PAGING, check_values
from host.simulator.members import gives
from host.simulator.not_simulated import names
from host.simulator.references import noun
from host.simulator.routes import RoutePlan

Behaviour = Callable[[RequestContext], Object | bytes]
Modelled = Literal["behaviour", "stored", "refused"]
_READS = frozenset({"retrieve", "list", "search"})
_MAKES = frozenset({"create", "single"})
_UNIONS = frozenset({"external_account", "payment_source"})  # schemas of several kinds, which are created as those
_STORED = frozenset({"create", "update", "delete", "single", "retrieve", "list", "search"})
_ALWAYS = frozenset({"expand"})  # what the engine does for every operation


class Model(NamedTuple):
    """What the simulator knows of an API beyond its document.

    ``behaviours``, ``effects``, ``shown_at``, ``filters`` and ``filter_values`` are by operation (see
    :mod:`host.simulator.effects` and :mod:`host.simulator.list_filters`). ``makes`` are the kinds of objects that
    behaviours create beside the one they answer. ``includable`` are, by kind, members that answers have only when they
    are expanded. ``within`` finds objects of a kind by id that are stored inside others.
    """

    behaviours: Mapping[str, Behaviour]
    effects: Mapping[str, Set[str]]
    shown_at: Mapping[str, Mapping[str, str]]
    filters: Mapping[str, Mapping[str, Filter]]
    makes: frozenset[str]
    includable: Mapping[str, Mapping[str, Includable]] = {}
    within: Mapping[str, Callable[[Backend, str], Object | None]] = {}
    filter_values: Mapping[str, Mapping[str, Sequence[str]]] = {}

    def how(self, plan: RoutePlan) -> Modelled:
        """How the operation is modelled."""
        id = plan.operation.id
        if id in self.behaviours:
            return "behaviour"
        result = plan.operation.result
        if result is not None and result.format == "binary":  # a file cannot be made from a stored object
            return "refused"
        return "stored" if plan.action in _STORED else "refused"


NO_MODEL = Model({}, {}, {}, {}, frozenset())


class ModelRule:
    """Refuses what is not modelled, so that it is not answered as if it were."""

    def __init__(self, model: Model, backend: Backend, plans: Callable[[], Iterable[RoutePlan]]) -> None:
        self._model = model
        self._backend = backend
        self._plans = plans  # of all operations; called only when needed, as it takes long
        self._makeable: frozenset[str] | None = None

    def behaviour(self, plan: RoutePlan) -> Behaviour | None:
        """The operation's own behaviour, or ``None`` if it is like any other of its kind."""
        return self._model.behaviours.get(plan.operation.id)

    def before(self, call: RequestContext) -> None:
        """Refuse an operation that is not modelled, and give the context of a list its filters."""
        if self._model.how(call.plan) == "refused":
            call.not_modelled("")
        if call.plan.action in _READS and not self._exist(call.plan.kind):
            call.not_modelled("", f"No operation that it models makes such an object ({noun(call.plan.kind)}).")
        if call.plan.action == "list":
            id = call.plan.operation.id
            call.filters = self._model.filters.get(id, {})
            if call.params:
                check_values(call, self._model.filter_values.get(id, {}), self._exist)

    def how(self, plan: RoutePlan) -> Modelled:
        """How the operation is modelled, considering also whether objects of its kind can exist."""
        found = self._model.how(plan)
        if found == "stored" and plan.action in _READS and not self._exist(plan.kind):
            return "refused"
        if found == "stored" and plan.action in ("update", "delete") and plan.target and not self._exist(plan.kind):
            return "refused"
        return "refused" if found == "stored" and plan.action in _MAKES and not self._is_storable(plan) else found

    def _exist(self, kind: str) -> bool:
        """Whether objects of ``kind`` exist, or can be created."""
        if self._backend.store.count(kind):
            return True
        if self._makeable is None:
            creates = [plan for plan in self._plans() if plan.action == "create"]
            made = (plan.kind for plan in creates if self.how(plan) != "refused")
            self._makeable = frozenset((*made, *self._model.makes, *_UNIONS))
        return kind in self._makeable

    def _is_storable(self, plan: RoutePlan) -> bool:
        """Whether the operation has parameters for all required members of its object that have no other source."""
        if plan.shape is None:
            return True
        owners = {name for parent in plan.parents for name in parent.names}
        invented = self._backend.factory.template(plan.kind, plan.shape).invented
        given = {*plan.operation.params, *owners}
        return all(path.partition(".")[0] in given for path in invented)

    def after(self, call: RequestContext, answer: Object | bytes) -> None:
        """Refuse an answer with an invented member, or one that drops a parameter."""
        plan = call.plan
        if plan.action in ("list", "search"):
            if isinstance(answer, dict):  # a computed page; for stored objects pagination checks each filter
                self._unread(call)
            return
        if call.invented and plan.operation.id not in self._model.behaviours:
            refuse_invented(call)
        if call.params and not (plan.operation.result is not None and plan.operation.result.format == "binary"):
            self._dropped(call, answer)

    def _unread(self, call: RequestContext) -> None:
        """Refuse parameters of a computed list that its behaviour's module does not state in ``EFFECTS``."""
        handled = self._model.effects.get(call.plan.operation.id, effects.NOTHING)
        for name in call.params:
            if name not in PAGING and name not in handled:
                call.not_modelled(f"the filter {name}", self._instead(call, handled), name)

    def _dropped(self, call: RequestContext, answer: Object | bytes) -> None:
        id, given = call.plan.operation.id, call.params
        if isinstance(answer, dict) and all(name in answer and answer[name] == given[name] for name in given):
            return
        given = {name: value for name, value in given.items() if name not in _ALWAYS}
        handled = self._model.effects.get(id, effects.NOTHING)
        whole = msgspec.json.decode(answer) if isinstance(answer, bytes) else answer
        for label in effects.dropped(given, whole, handled, self._model.shown_at.get(id)):
            call.not_modelled(f"the parameter {label}", self._instead(call, handled), label)

    def _instead(self, call: RequestContext, handled: Set[str]) -> str:
        plan = call.plan
        shown = call.backend.factory.template(plan.kind, plan.shape).schema.properties if plan.shape is not None else {}
        taken = [n for n, p in plan.operation.params.items() if p.location != "path" and (n in shown or n in handled)]
        return f"It takes {names(taken)}." if taken else ""


def refuse_invented(call: RequestContext) -> None:
    """Refuse members of the answer that have no source."""
    missing = [path for path in dict.fromkeys(call.invented) if not gives(call.params, path)]
    if missing:
        call.not_modelled(
            f"{', '.join(missing[:6])}{' …' if len(missing) > 6 else ''} in the answer",
            "Nobody gave a value, and none is computed.",
        )
