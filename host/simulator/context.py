"""One request being served: what was asked, and the hands to do it with."""

from __future__ import annotations

from typing import Any

import msgspec

from host.apis.catalog import Catalog
from host.simulator.api_error import Refusal, missing
from host.simulator.ids import Ids
from host.simulator.object_factory import Shapes
from host.simulator.references import References, noun
from host.simulator.routes import Plan, collection
from host.simulator.store import Store

Object = dict[str, Any]


class World(msgspec.Struct, frozen=True):
    """What all requests share."""

    catalog: Catalog
    store: Store
    shapes: Shapes
    ids: Ids
    references: References
    stripe: bool


class RequestContext(msgspec.Struct):
    """A checked request. ``params``: query and body together; ``path_args``: the path's; ``now``: seconds."""

    world: World
    plan: Plan
    path: str
    query: str
    path_args: dict[str, str]
    params: dict[str, Any]
    now: int
    saved: tuple[Object, bytes] | None = None  # the last object put, and its JSON
    headers: dict[str, str] = {}  # that the answer gets beside its own

    @property
    def target(self) -> str:
        """The id the path names, or ""."""
        return self.path_args.get(self.plan.target, "")

    def find(self, kind: str, id: str) -> Object | None:
        """A copy of the object unless it is deleted or does not exist."""
        record = self.world.store.record(kind, id)
        return None if record is None or record.deleted else self.world.store.get(kind, id)

    def load(self, kind: str, id: str, param: str = "id", status: int = 404) -> Object:
        """A copy of the object; :class:`Refusal` "No such product: 'prod_x'" if there is none."""
        found = self.find(kind, id)
        if found is None:
            raise missing(noun(kind), id, param, status)
        return found

    def subject(self) -> Object:
        """The object the path names."""
        return self.load(self.plan.kind, self.target, self.plan.target)

    def save(self, kind: str, value: Object, *, under: str = "", deleted: bool = False) -> Object:
        """Keep the object; returns it."""
        id = str(value[self.world.catalog.id_field])
        self.saved = (value, self.world.store.put(kind, id, value, under=under, deleted=deleted))
        return value

    def make(self, kind: str, fields: Object | None = None, *, id: str | None = None, under: str = "") -> Object:
        """A new object of a named kind with ``fields`` as they are, kept."""
        value = self.blank(kind, id)
        value.update(fields or {})
        return self.save(kind, value, under=under)

    def blank(self, kind: str, id: str | None = None) -> Object:
        """A new object of a named kind, not kept."""
        template = self.world.shapes.template(kind)
        value = self.world.shapes.fresh(template, self.now)
        value["id"] = id or self.new_id(kind)
        for name in template.lists:
            value[name]["url"] = f"{collection(self.plan.operation.path)}/{value['id']}/{name}"
        return value

    def new_id(self, kind: str) -> str:
        """An id that no object of ``kind`` has."""
        prefix = PREFIXES.get(kind) or self.world.catalog.schema(kind).id_prefix or f"{noun(kind)}_"
        while True:
            id = self.world.ids.code() if kind == "coupon" else self.world.ids.new(prefix)
            if self.world.store.record(kind, id) is None:
                return id

    def put(self, value: Object, params: Object) -> Object:
        """Set ``params`` in an object of the plan's kind, where its schema has a place for them."""
        template = self.world.shapes.template(self.plan.kind, self.plan.shape)
        self.world.shapes.put(template.schema, value, params)
        return value

    def refuse(self, message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> Refusal:
        """A refusal in the midst of the work: saved for the request's idempotency key."""
        return Refusal(status, message, code=code, param=param, worked=True)


# Prefixes the published samples lack or have otherwise.
PREFIXES = {
    "checkout.session": "cs_test_",
    "plan": "plan_",
    "issuing.transaction": "ipi_",
    "v2.core.account": "acct_",
    "v2.core.account_person": "person_",
    "v2.core.event": "evt_test_",
    "v2.core.event_destination": "ed_test_",
}
