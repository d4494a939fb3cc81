"""The context of the request being served: its parameters, the stored objects, and how they are changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from host.apis.catalog import Catalog
from host.simulator.added_apis.routes import AddedRoutes
from host.simulator.agenda import ORDINARY, Agenda
from host.simulator.api_error import SimulatedError, missing
from host.simulator.event_log import EventLog
from host.simulator.ids import IdGenerator
from host.simulator.not_simulated import Leniency
from host.simulator.object_factory import ObjectFactory
from host.simulator.partition import Partition
from host.simulator.references import References, noun
from host.simulator.routes import RoutePlan, Routes, collection
from host.simulator.store import Store

Object = dict[str, Any]
Test = Callable[[Object], bool]


class Backend(msgspec.Struct, frozen=True):
    """What all requests to one account share: the store and the parts that work on it.

    ``account`` is the connected account whose part of the store ``store`` is, or "" for the platform. ``watchers`` are
    by kind, and are called with the context and the object after each save. ``events`` is ``None`` for all APIs but
    Stripe's.
    """

    catalog: Catalog
    store: Store | Partition
    factory: ObjectFactory
    ids: IdGenerator
    references: References
    stripe: bool
    leniency: Leniency
    agenda: Agenda
    watchers: Mapping[str, Callable[[RequestContext, Object], None]]
    routes: Routes | AddedRoutes
    events: EventLog | None = None
    account: str = ""
    whole: Store | None = None  # the store that ``store`` is a part of

    def of(self, account: str) -> Backend:
        """The backend of a connected account, or of the platform for "". The objects of each are its own."""
        if account == self.account:
            return self
        whole = self.whole if isinstance(self.store, Partition) else self.store
        assert isinstance(whole, Store)
        store = Partition(whole, account) if account else whole
        references = self.references.within(store)
        return msgspec.structs.replace(self, store=store, references=references, account=account, whole=whole)


class RequestContext(msgspec.Struct):
    """A checked request, and what its operation does its work with.

    ``params`` are the parameters of query and body together, ``path_args`` those of the path, as text. ``now`` is in
    seconds since 1970, by ``clock``.
    """

    backend: Backend
    plan: RoutePlan
    path: str
    query: str
    path_args: dict[str, str]
    params: dict[str, Any]
    now: int
    version_date: str = ""  # the date of the API version to answer in; "" is the newest
    saved: tuple[Object, bytes] | None = None  # the last object saved, and its JSON
    filters: Mapping[str, Filter] = {}  # of a list: the tests of parameters that are not members of its objects
    invented: list[str] = msgspec.field(default_factory=list)  # dotted paths of members whose values have no source
    clock: str = ORDINARY  # the id of the test clock that ``now`` is by
    headers: dict[str, str] = {}  # added to the answer's
    removed_params: Mapping[str, Any] = {}  # parameters that older versions have and the newest has not
    origin: str = ""  # scheme, host and port of the server that got the request; "" without a server
    any_version: bool = False  # the client sent no version, and may use the parameter names of any
    older_names: Mapping[str, str] = {}  # by today's name of a parameter, the older name that the client used

    def at(self, now: int, clock: str) -> RequestContext:
        """A context at another time and clock, without the parameters."""
        return RequestContext(self.backend, self.plan, self.path, "", {}, {}, now, clock=clock, origin=self.origin)

    def asking(self, method: str, path: str, params: Object) -> RequestContext:
        """The context of another request, made on behalf of this one; ``path`` must be one the API has."""
        found = self.backend.routes.find(method, path)
        assert found is not None, path
        plan, path_args = found
        made = RequestContext(self.backend, plan, path, "", path_args, params, self.now, clock=self.clock)
        made.origin = self.origin
        return made

    @property
    def account(self) -> str:
        """The connected account that the request is for, or "" for the platform itself."""
        return self.backend.account

    def within(self, account: str) -> RequestContext:
        """The same request on the objects of another account."""
        return msgspec.structs.replace(self, backend=self.backend.of(account), saved=None)

    @property
    def target(self) -> str:
        """The id of the object in the path, or ""."""
        return self.path_args.get(self.plan.target, "")

    def find(self, kind: str, id: str) -> Object | None:
        """A copy of the object, or ``None`` if it is deleted or does not exist."""
        record = self.backend.store.record(kind, id)
        return None if record is None or record.deleted else self.backend.store.get(kind, id)

    def load(self, kind: str, id: str, param: str = "id", status: int = 404) -> Object:
        """A copy of the object. Raises :class:`SimulatedError` ("No such product: 'prod_x'") if there is none."""
        found = self.find(kind, id)
        if found is None:
            raise missing(noun(kind), id, param, status)
        return found

    def subject(self) -> Object:
        """A copy of the object that the path names. Raises :class:`SimulatedError` (404) if there is none."""
        return self.load(self.plan.kind, self.target, self.plan.target)

    def save(self, kind: str, value: Object, *, under: str = "", deleted: bool = False) -> Object:
        """Store the object, and return it. Every change of an object passes here, so its watcher is called from here.

        ``under`` is the path of the collection it is in, where the object itself does not name its owner.
        """
        id = str(value[self.backend.catalog.id_field])
        self.saved = (value, self.backend.store.put(kind, id, value, under=under, deleted=deleted))
        watcher = self.backend.watchers.get(kind)
        if watcher is not None and not deleted:
            watcher(self, value)
        return value

    def announce(self, type: str, kind: str, id: str) -> None:
        """Record an event of ``type`` about the object, for one that no change of the object would show."""
        self.backend.store.announce(type, kind, id)

    def make(self, kind: str, fields: Object | None = None, *, id: str | None = None, under: str = "") -> Object:
        """A new, stored object of ``kind``, with ``fields`` set as they are."""
        value = self.blank(kind, id)
        value.update(fields or {})
        return self.save(kind, value, under=under)

    def blank(self, kind: str, id: str | None = None) -> Object:
        """A new object of ``kind``, not stored."""
        template = self.backend.factory.template(kind)
        value = self.backend.factory.fresh(template, self.now)
        value["id"] = id or self.new_id(kind)
        for name in template.lists:
            value[name]["url"] = f"{collection(self.plan.operation.path)}/{value['id']}/{name}"
        return value

    def new_id(self, kind: str) -> str:
        """An id that no object of ``kind`` has yet, with the kind's prefix."""
        prefix = PREFIXES.get(kind) or self.backend.catalog.schema(kind).id_prefix or f"{noun(kind)}_"
        while True:
            id = self.backend.ids.code() if kind == "coupon" else self.backend.ids.new(prefix)
            if self.backend.store.record(kind, id) is None:
                return id

    def put(self, value: Object, params: Object) -> Object:
        """Set those of ``params`` that the schema of the operation's kind has as members; returns ``value``."""
        template = self.backend.factory.template(self.plan.kind, self.plan.shape)
        self.backend.factory.put(template.schema, value, params, self.invented)
        return value

    def not_modelled(self, what: str, instead: str = "", param: str | None = None) -> None:
        """Refuse with 501, naming what is not modelled (``a discount of an item``); a lenient simulator continues.

        ``instead`` is a sentence on what is modelled, ``param`` the parameter at fault.
        """
        self.backend.leniency.pass_over(self.plan.operation.id, what, instead, param)

    def refuse(
        self, message: str, *, code: str | None = None, param: str | None = None, status: int = 400
    ) -> SimulatedError:
        """A refusal once the operation has begun to execute: it is saved under the request's idempotency key."""
        return SimulatedError(status, message, code=code, param=param, worked=True)


Includable = Callable[[Backend, Object], Any]
"""Gives the value of a member that answers have only when it is expanded. https://docs.stripe.com/expand"""


class StoredMember(msgspec.Struct, frozen=True):
    """An :data:`Includable` that is stored with its object, as ``member`` of ``kind``.

    ``otherwise(object)`` gives its value where it was never set.
    """

    kind: str
    member: str
    otherwise: Callable[[Object], Any]

    def __call__(self, backend: Backend, value: Object) -> Any:
        stored = backend.store.get(self.kind, str(value["id"])) or value
        found = stored.get(self.member)
        return self.otherwise(stored) if found is None else found


Filter = Callable[[RequestContext, Any], Test]
"""Gives, for a request and the value of a list's filter, the test of an object."""

# Prefixes of ids that the published samples lack, or have different.
PREFIXES = {
    "billing.alert": "alrt_",
    "billing.meter": "mtr_test_",
    "checkout.session": "cs_test_",
    "dispute": "du_",
    "plan": "plan_",
    "issuing.transaction": "ipi_",
    "product_feature": "prodft_",
    "v2.core.account": "acct_",
    "v2.core.account_person": "person_",
    "v2.core.event": "evt_test_",
    "v2.core.event_destination": "ed_test_",
}
