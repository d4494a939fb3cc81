"""Carries out a checked request: references → behaviour → rule of what is modelled → expansion → version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from host.simulator import pagination, resources
from host.simulator.added_apis.behaviours import ACTIONS
from host.simulator.context import Backend, Object, RequestContext
from host.simulator.expansion import Expander
from host.simulator.modelled import Model, ModelRule
from host.simulator.references import ELSEWHERE
from host.simulator.versions import Versions

_STORED: dict[str, Callable[[RequestContext], Object | bytes]] = {
    "create": resources.create,
    "retrieve": resources.retrieve,
    "list": pagination.page,
    "search": pagination.page,
    "update": resources.update,
    "delete": resources.delete,
    "act": resources.act,
    "single": resources.single,
    "compute": resources.compute,
}
_encode = msgspec.json.Encoder().encode


class Operations:
    """The operations of one API. The caller commits the changes, or rolls them back after an exception."""

    def __init__(
        self,
        backend: Backend,
        rule: ModelRule | None,
        model: Model,
        versions: Versions,
    ) -> None:
        self._stripe = backend.stripe
        self._rule = rule
        self._expander = Expander(backend, model.includable, model.within)
        self._versions = versions
        self._actions = _STORED if backend.stripe else ACTIONS

    def answer(self, call: RequestContext) -> bytes:
        """Carry out the request; returns the answer's body. Raises :class:`SimulatedError`."""
        plan = call.plan
        if self._stripe and not call.path.startswith("/v2/") and plan.operation.id not in ELSEWHERE:
            call.backend.references.check(call.params, plan.operation.result, deleted=plan.action == "list")
        if self._stripe and plan.parents:
            resources.check_parents(call)
        is_file = plan.operation.result is not None and plan.operation.result.format == "binary"
        if is_file and not self._stripe:
            call.not_modelled("a file as the answer", "It stores objects, and makes no files from them.")
        result = self._act(call)
        if isinstance(result, bytes) and "content-type" in call.headers:  # a file
            return result
        wanted = call.params.get("expand")
        if wanted:
            whole = msgspec.json.decode(result if isinstance(result, bytes) else _encode(result))
            self._expander.strip(whole)
            older = self._versions.older(call.version_date) if call.version_date or call.any_version else {}
            self._expander.within(call.backend).expand(plan.operation, whole, wanted, older)
            return self._in_version(call, whole)
        if isinstance(result, bytes):
            body = result
        elif call.saved is not None and call.saved[0] is result:
            body = call.saved[1]
        else:
            body = _encode(result)
        if self._stripe and (call.version_date or self._expander.is_due(plan.operation, body)):
            whole = msgspec.json.decode(body or b"{}")
            self._expander.strip(whole)
            return self._in_version(call, whole)
        return body

    def _in_version(self, call: RequestContext, answer: Any) -> bytes:
        if call.version_date:
            self._versions.answer(call.version_date, answer, call.backend)
        return _encode(answer)

    def _act(self, call: RequestContext) -> Object | bytes:
        """Carry out the operation by its own behaviour, or by that of its kind of operation."""
        generic = self._actions[call.plan.action]
        if self._rule is None:
            return generic(call)
        self._rule.before(call)
        result = (self._rule.behaviour(call.plan) or generic)(call)
        self._rule.after(call, result)
        return result
