"""Carries out the operations of an added API: objects that were created can be found, listed, changed and deleted.

An object is stored with the members of its own schema and of the answer that created it, and with the parameters given.
Each answer shows the members that its schema has, in the schema's envelope.
"""

from __future__ import annotations

from typing import Any

from host.apis.catalog import Schema
from host.apis.list_items import one_shape
from host.apis.page_names import plain_name
from host.simulator.added_apis.ids import new_id
from host.simulator.added_apis.members import answer, given_members, member_schemas, plan_of, put, typed
from host.simulator.added_apis.paths import collection_of, last_step, normal
from host.simulator.added_apis.paths import single as singular
from host.simulator.added_apis.plans import NAMING, AddedPlan
from host.simulator.api_error import SimulatedError, missing
from host.simulator.context import Object, RequestContext
from host.simulator.object_factory import MISFIT
from host.simulator.resources import owner_field, take_effect
from host.simulator.store import StoredObject


def create(call: RequestContext) -> Object | bytes:
    """Create an object, or one for each item where the body is a list."""
    given = given_members(call)
    if isinstance(given, list):
        made = [_create(call, each if isinstance(each, dict) else {}) for each in given] or [_create(call, {})]
        return answer(call, *made)
    return answer(call, _create(call, given))


def _create(call: RequestContext, given: Object) -> Object:
    plan, backend = plan_of(call), call.backend
    field = plan.objects.id
    value = _blank(call)
    put(call, value, given)
    members = member_schemas(call)
    named = (plain_name(field), plain_name(plan.objects.wire))
    chosen = next((item for name, item in given.items() if plain_name(name) in named), None)
    if field and isinstance(chosen, str | int) and chosen != "" and not isinstance(chosen, bool):
        if find(call, str(chosen)) is not None:
            raise SimulatedError(
                409, f"{_noun(plan)} already exists: {chosen!r}", code="resource_already_exists", param=field
            )
        value[field] = chosen
    elif field:
        value[field] = _unused(call, members.get(field, Schema(type="string")), plan.objects.param)
    own = backend.catalog.id_field
    if own in members and own != field:
        value[own] = _also(call, value.get(field), members[own])
    id = str(value[field]) if field else backend.ids.new()
    _name_also(call, value, id)
    if backend.store.record(plan.kind, id) is not None:  # the same name below another owner
        id = f"{place(call)} {id}"
    backend.store.put(plan.kind, id, value, under=under(call))
    return value


def _name_also(call: RequestContext, value: Object, id: str) -> None:
    """Set the members of the answer that hold the new object's id under another name: ``{message, export_id}``."""
    plan, catalog = plan_of(call), call.backend.catalog
    wanted = {plain_name(plan.objects.wire), f"{plain_name(singular(last_step(plan.kind)))}id"} - {
        plain_name(plan.objects.id)
    }
    for name, schema in one_shape(plan.envelope.schema, catalog).properties.items():
        if plain_name(name) in wanted and catalog.resolve(schema).type == "string" and not value.get(name):
            value[name] = id


def _also(call: RequestContext, id: Any, member: Schema) -> Any:
    """The value of a member ``id`` where the path identifies the object by another one: the same, if allowed."""
    full = call.backend.catalog.resolve(member)
    if isinstance(id, str) and full.type == "string" and not (full.pattern or full.format or full.max_length):
        return id
    return _unused(call, member, Schema())


def _unused(call: RequestContext, member: Schema, param: Schema) -> Any:
    plan, store = plan_of(call), call.backend.store
    made = store.count(plan.kind)
    for n in range(100):
        id = new_id(call.backend.catalog, call.backend.ids, plan.objects, made + n, member=member, param=param)
        if store.record(plan.kind, str(id)) is None:
            return id
    raise SimulatedError(507, f"The simulator finds no further id for {_noun(plan)}: its document allows too few.")


def _blank(call: RequestContext) -> Object:
    """A new object: defaults, times, and the owners in the path."""
    plan, factory = plan_of(call), call.backend.factory
    value: Object = {}
    schemas = [(f"{plan.operation.id} made", plan.envelope.schema)] if plan.operation.result is not None else []
    if plan.objects.shape is not None:
        schemas.append((f"item {plan.kind}", plan.objects.shape))
    known: dict[str, Schema] = {}
    for name, schema in schemas:
        template = factory.template(name, schema)
        value.update(factory.fresh(template, call.now))
        known.update(template.schema.properties)
    for parent in plan.parents:
        own = owner_field(parent, known)
        if own and own != plan.objects.id:
            fitted = factory.fit(known[own], typed(call, parent.param))
            if fitted is not MISFIT:
                value[own] = fitted
    return value


def _noun(plan: AddedPlan) -> str:
    return collection_of(plan.kind + "/").rpartition("/")[2] or plan.kind


def under(call: RequestContext) -> str:
    """The collection in which an object is created, where its kind has one for each owner; else ""."""
    return place(call) if call.plan.parents else ""


def place(call: RequestContext) -> str:
    """The path of a request's collection, without suffix."""
    path = normal(call.path)
    if call.plan.target:
        return collection_of(collection_of(path) if call.plan.action == "act" else path)
    searched = call.plan.action == "list" and last_step(normal(call.plan.operation.path)) != last_step(call.plan.kind)
    return collection_of(path) if searched else path


def find(call: RequestContext, id: str) -> tuple[str, Object] | None:
    """The object with that id, or that value of another naming member, in the request's collection, after its key in
    the store; ``None`` if there is none.
    """
    plan, store = plan_of(call), call.backend.store
    here = place(call)
    for key in (id, f"{here} {id}"):
        if _lives(call, store.record(plan.kind, key), here) and (value := store.get(plan.kind, key)) is not None:
            return key, value
    for key, record in store.oldest(plan.kind) if call.plan.target else ():
        value = store.get(plan.kind, key) if _lives(call, record, here) else None
        if value is not None and any(str(item) == id and plain_name(name) in NAMING for name, item in value.items()):
            return key, value
    return None


def _lives(call: RequestContext, record: StoredObject | None, here: str) -> bool:
    if record is None or record.deleted:
        return False
    return not (call.plan.parents and record.under and record.under != here)


def _found(call: RequestContext) -> tuple[str, Object]:
    found = find(call, call.target)
    if found is None:
        raise missing(_noun(plan_of(call)), call.target, plan_of(call).objects.id or call.plan.target)
    return found


def retrieve(call: RequestContext) -> Object | bytes:
    """The object that the path names."""
    return answer(call, _found(call)[1])


def update(call: RequestContext) -> Object | bytes:
    """Set the parameters in the object that the path names. A PUT creates it if it does not exist."""
    plan = plan_of(call)
    there = find(call, call.target)
    if there is None and plan.operation.method != "PUT":
        _found(call)
    key, value = there or (call.target, _blank(call))
    was = value.get(plan.objects.id)
    given = given_members(call)
    given = given[0] if isinstance(given, list) and given else given
    put(call, value, given if isinstance(given, dict) else {})
    if there is None:
        names = [name for name in (plan.objects.id, call.backend.catalog.id_field) if name in member_schemas(call)]
        value.update(dict.fromkeys(names, typed(call, plan.target)))
    elif plan.objects.id:  # the id cannot be changed
        value[plan.objects.id] = was
    call.backend.store.put(plan.kind, key, value, under=under(call))
    return answer(call, value)


def delete(call: RequestContext) -> Object | bytes:
    """Delete the object. It stays in the ledger."""
    key, value = _found(call)
    call.backend.store.put(plan_of(call).kind, key, value, deleted=True)
    return answer(call, value)


def act(call: RequestContext) -> Object | bytes:
    """An action on an object: sets its parameters as members, and what the verb implies."""
    plan, (key, value) = plan_of(call), _found(call)
    given = given_members(call)
    if plan.operation.method != "DELETE" and plan.objects.shape is not None:
        put(call, value, given if isinstance(given, dict) else {})
        take_effect(call, value, one_shape(plan.objects.shape, call.backend.catalog).properties)
    call.backend.store.put(plan.kind, key, value)
    return answer(call, value)


def compute(call: RequestContext) -> Object | bytes:
    """Make an answer that is not stored."""
    given = given_members(call)
    value = _blank(call)
    put(call, value, given if isinstance(given, dict) else {})
    return answer(call, value)


def single(call: RequestContext) -> Object | bytes:
    """An object that exists once at its path: made when first used, changed by what is sent."""
    plan, store = plan_of(call), call.backend.store
    key = place(call)
    value = store.get(f"{plan.kind} there", key)
    if value is None:
        value = _blank(call)
        schemas, common = member_schemas(call), call.backend.catalog.id_field
        for name in {plan.objects.id, common if common in schemas else ""} - {""}:
            if value.get(name) in (None, ""):  # a required text is empty in a new object
                value[name] = _unused(call, schemas.get(name, Schema()), Schema())
    if plan.operation.mutation:
        given = given_members(call)
        put(call, value, given if isinstance(given, dict) else {})
    if plan.operation.mutation or plan.objects.id:
        store.put(f"{plan.kind} there", key, value)
    return answer(call, value)
