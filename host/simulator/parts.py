"""Puts together the parts of a simulator: Stripe's rules for Stripe's API, and the document alone for an added API."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from host.apis.catalog import Catalog
from host.simulator.added_apis.routes import AddedRoutes
from host.simulator.agenda import Agenda
from host.simulator.context import Backend
from host.simulator.event_log import Cause, EventLog
from host.simulator.ids import IdGenerator
from host.simulator.keys import Keys
from host.simulator.modelled import NO_MODEL, ModelRule
from host.simulator.not_simulated import Leniency
from host.simulator.object_factory import ObjectFactory
from host.simulator.operations import Operations
from host.simulator.references import References
from host.simulator.request_reader import RequestReader
from host.simulator.routes import Routes
from host.simulator.store import Store
from host.simulator.stripe import issuing_test_address, older_members, payment_pages, thin_events, versions
from host.simulator.stripe.behaviours import DUE, EARLY, MODEL, WATCHERS
from host.simulator.stripe.defaults import DEFAULTS
from host.simulator.stripe.event_derivation import derive
from host.simulator.transaction import RequestTransaction
from host.simulator.versions import Versions


class SimulatorParts(NamedTuple):
    """The parts of one simulator, which share its store and its lock. ``rule`` is ``None`` for added APIs."""

    backend: Backend
    transaction: RequestTransaction
    reader: RequestReader
    operations: Operations
    rule: ModelRule | None


def parts_of(catalog: Catalog, store: Store, *, key: str | None, seed: object, leniency: Leniency) -> SimulatorParts:
    """The parts for the API of ``catalog``; ``key`` and ``seed`` are those of :class:`host.simulator.Simulator`."""
    stripe = catalog.name == "stripe"
    # With a store that has objects already, ids must differ from those it began with.
    made = len(store.ledger())
    ids = IdGenerator(seed if seed is None or not made else (seed, made))
    includable = MODEL.includable if stripe else {}
    events = _event_log(catalog, store, seed) if stripe else None
    transaction = RequestTransaction(store, events)
    routes = Routes(catalog, (*payment_pages.PLANS, *issuing_test_address.PLANS)) if stripe else AddedRoutes(catalog)
    backend = Backend(
        catalog,
        store,
        ObjectFactory(catalog, DEFAULTS if stripe else None, omit=includable or None),
        ids,
        References(catalog, store),
        stripe,
        leniency,
        Agenda(store, DUE if stripe else {}, EARLY, done=lambda at: transaction.note(Cause(None, None, at))),
        WATCHERS if stripe else {},
        routes,
        events,
    )
    known = (versions.RENAMED, older_members.MOVED, versions.MOVED_ENDPOINTS) if stripe else ()
    renamed = Versions(catalog.version, versions.OLDEST, versions.TRAINS, *known)
    rule = ModelRule(MODEL, backend, routes.plans) if isinstance(routes, Routes) else None
    return SimulatorParts(
        backend,
        transaction,
        RequestReader(catalog, routes, Keys(catalog, key, stripe=stripe), renamed, stripe=stripe),
        Operations(backend, rule, MODEL if stripe else NO_MODEL, renamed),
        rule,
    )


def _event_log(catalog: Catalog, store: Store, seed: object) -> EventLog:
    known = frozenset(catalog.schema("event").properties["type"].enum)
    store.keep_events()
    ids = IdGenerator(None if seed is None else (seed, "events", store.count("event")))
    derived = partial(derive, known=known | thin_events.OF_V2)
    return EventLog(store, derived, thin_events.events_of, ids, version=catalog.version, eager=store.path is not None)
