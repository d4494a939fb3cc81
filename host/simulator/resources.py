"""The operations that all kinds of objects have: create, retrieve, update, delete, and actions known by their verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.apis.catalog import Schema
from host.simulator.api_error import SimulatedError, missing
from host.simulator.context import Object, RequestContext
from host.simulator.members import iso_time
from host.simulator.references import noun
from host.simulator.routes import Parent, collection

# The status that a verb sets: the first of these that the object's schema has.
_STATUSES: dict[str, tuple[str, ...]] = {
    "cancel": ("canceled", "cancelled"),
    "close": ("closed",),
    "void": ("void", "voided"),
    "archive": ("archived", "inactive"),
    "unarchive": ("active",),
    "activate": ("active",),
    "reactivate": ("active",),
    "deactivate": ("inactive", "deactivated"),
    "disable": ("disabled",),
    "enable": ("enabled",),
    "expire": ("expired",),
    "approve": ("approved", "closed"),
    "decline": ("declined", "closed"),
    "submit": ("submitted",),
    "resume": ("active",),
    "pause": ("paused",),
    "release": ("released",),
    "redact": ("redacted",),
    "return": ("returned",),
    "fail": ("failed",),
    "post": ("posted",),
    "succeed": ("succeeded",),
    "reverse": ("reversed",),
    "reject": ("rejected",),
    "disconnect": ("disconnected",),
    "capture": ("succeeded", "closed"),
    "ship": ("shipped",),
    "deliver": ("delivered",),
    "confirm": ("succeeded", "processing", "active"),
}
_ACTIVE = {
    "archive": False,
    "unarchive": True,
    "activate": True,
    "reactivate": True,
    "deactivate": False,
    "enable": True,
    "disable": False,
}


def create(call: RequestContext) -> Object:
    """Create an object with the parameters as members. An id given by the caller is used."""
    if call.plan.shape is None:
        call.backend.store.put(call.plan.kind, call.backend.ids.new(), call.params, under=_under(call))
        return {}
    value = call.put(fresh(call), call.params)
    if call.backend.catalog.id_field not in value:  # stored for the ledger, though no request can name it
        call.backend.store.put(call.plan.kind, call.backend.ids.new(), value, under=_under(call))
        return value
    return call.save(call.plan.kind, value, under=_under(call))


def compute(call: RequestContext) -> Object:
    """Make an answer that is not stored."""
    return call.put(fresh(call), call.params) if call.plan.shape is not None else {}


def fresh(call: RequestContext) -> Object:
    """The object that :func:`create` starts from: id, times, defaults, and the owners in the path.

    Raises :class:`SimulatedError` if an object with the given id exists already.
    """
    backend, plan = call.backend, call.plan
    template = backend.factory.template(plan.kind, plan.shape)
    value = backend.factory.fresh(template, call.now)
    field = backend.catalog.id_field
    given = call.params.get(field)
    if given is not None and field in plan.operation.params:
        record = backend.store.record(plan.kind, str(given))
        if record is not None and not record.deleted:
            raise SimulatedError(
                400 if backend.stripe else 409,
                f"{noun(plan.kind).replace('_', ' ').capitalize()} already exists.",
                code="resource_already_exists",
                param=field,
            )
        value[field] = given
    elif field in template.schema.properties or not template.schema.properties:
        value[field] = _new_id(call, template.schema)
    else:
        value.pop(field, None)
    for name in template.lists:
        value[name]["url"] = f"{call.path}/{value.get(field, '')}/{name}"
    owners = set()
    for parent in plan.parents:
        own = owner_field(parent, template.schema.properties)
        if own:
            value[own] = call.backend.factory.fit(template.schema.properties[own], _typed(call, parent.param))
            owners.add(own)
    call.invented.extend(path for path in template.invented if path not in owners)
    return value


def _typed(call: RequestContext, name: str) -> Any:
    text = call.path_args[name]
    param = call.plan.operation.params.get(name)
    return int(text) if param is not None and param.schema.type == "integer" and text.isdecimal() else text


def owner_field(parent: Parent, properties: Any) -> str:
    """The member of an object that holds the owner named by a path parameter, or ""."""
    return next((name for name in parent.names if name in properties), "")


def _new_id(call: RequestContext, schema: Schema) -> Any:
    field = call.backend.catalog.id_field
    own = call.backend.catalog.resolve(schema.properties.get(field, Schema(type="string")))
    kind = call.plan.kind
    if own.type in ("integer", "number"):
        return call.backend.store.count(kind) + 1
    if own.format == "uuid" or not (schema.id_prefix or call.backend.stripe):
        return call.backend.ids.uuid()
    return call.new_id(kind) if not kind.startswith("/") else call.backend.ids.new("")


def _under(call: RequestContext) -> str:
    return call.path.rstrip("/") if call.plan.parents else ""


def retrieve(call: RequestContext) -> bytes | Object:
    """The object that the path names. Stripe answers a deleted customer, and 404 for other deleted objects."""
    plan, store = call.plan, call.backend.store
    record = store.record(plan.kind, call.target)
    if record is None or (record.deleted and plan.kind != "customer"):
        if plan.operation.path.endswith("/{account}") and call.backend.stripe:
            return single(call)
        raise missing(
            noun(plan.kind), call.target, plan.target if call.backend.stripe else call.backend.catalog.id_field
        )
    _check_owner(call, record.under, record.body)
    return record.body


def _check_owner(call: RequestContext, under: str, body: bytes) -> None:
    here = collection(call.path.rstrip("/") + "}").rstrip("/")
    if not call.plan.parents or not under or under == here or call.backend.stripe:
        return
    raise missing(noun(call.plan.kind), call.target, call.plan.target)


def update(call: RequestContext) -> Object:
    """Set the parameters in the object that the path names. A PUT creates it if it does not exist."""
    if not call.plan.target:
        return single(call)
    field = call.backend.catalog.id_field
    found = call.find(call.plan.kind, call.target)
    if found is None:
        if call.plan.operation.method != "PUT":
            raise missing(noun(call.plan.kind), call.target, call.plan.target)
        value = fresh(call)
        value[field] = _typed(call, call.plan.target)
        return call.save(call.plan.kind, call.put(value, call.params))
    value = call.put(found, {name: item for name, item in call.params.items() if name != field})
    if call.backend.stripe and "updated" in value:
        value["updated"] = iso_time(call.now) if isinstance(value["updated"], str) else call.now
    return call.save(call.plan.kind, value)


def delete(call: RequestContext) -> Object | bytes:
    """Delete the object. It stays in the ledger, and the store keeps what the deletion answered."""
    found = call.subject()
    gone: Object = {"id": found.get("id", call.target), "object": found.get("object"), "deleted": True}
    if not call.backend.stripe:
        call.save(call.plan.kind, found, deleted=True)
        return b"" if call.plan.operation.result is None else gone
    if gone["object"] is None or call.path.startswith("/v2/"):
        gone.pop("deleted")
    result = call.plan.operation.result
    if result is not None:  # such as the device_type of a deleted terminal.reader
        required = call.backend.catalog.resolve(result).required
        gone = {**{name: found[name] for name in required if name in found}, **gone}
    if result is not None and "deleted" not in call.backend.catalog.resolve(result).properties:
        gone = gone if call.path.startswith("/v2/") else found
    return call.save(call.plan.kind, gone, deleted=True)


def single(call: RequestContext) -> Object:
    """An object that exists once (for each owner in the path): made when first used, changed by what is sent."""
    plan, store = call.plan, call.backend.store
    key = call.path.rstrip("/")
    value = store.get(plan.kind or key, key)
    if value is None:
        if plan.shape is None:
            return {}
        template = call.backend.factory.template(plan.kind, plan.shape)
        value = call.backend.factory.fresh(template, call.now)
        call.invented.extend(template.invented)
        if "id" in value:
            value["id"] = call.target or call.new_id(plan.kind)
        for parent in plan.parents:
            own = owner_field(parent, template.schema.properties)
            if own:
                value[own] = call.path_args[parent.param]
    if call.plan.operation.mutation:
        value = call.put(value, call.params)
        store.put(plan.kind or key, key, value)
    return value


def check_parents(call: RequestContext) -> None:
    """Refuse a path whose owners do not exist. Accounts are looked for by what is done with them."""
    for parent in call.plan.parents:
        kind = parent.kind or call.backend.references.kind(parent.param)
        if kind and kind != "account":
            call.load(kind, call.path_args[parent.param], parent.param)


def act(call: RequestContext) -> Object:
    """An action on an object: sets its parameters as members, and what the verb implies."""
    value = call.put(call.subject(), call.params)
    take_effect(call, value, call.backend.factory.template(call.plan.kind, call.plan.shape).schema.properties)
    return call.save(call.plan.kind, value)


def take_effect(call: RequestContext, value: Object, properties: Mapping[str, Schema]) -> None:
    """Set the members that the verb of an action implies: the status, ``active``, and the time of a change."""
    verb = call.plan.verb
    status = properties.get("status")
    if status is not None:
        known = call.backend.catalog.resolve(status).enum
        stem = verb.removesuffix("e")
        choices = (*_STATUSES.get(verb, ()), f"{stem}ed", f"{verb}ed")
        value["status"] = next((s for s in choices if s in known or not known), value.get("status"))
    if verb in _ACTIVE:
        for name in ("active", "enabled"):
            if name in properties:
                value[name] = _ACTIVE[verb]
    past = {"cancel": "canceled_at", "void": "voided_at", "expire": "expires_at", "close": "closed_at"}.get(verb, "")
    if past in properties:
        value[past] = call.now
    if verb == "close" and "closed" in properties:
        value["closed"] = True
