"""Carries out the operations of an added API: objects that were created can be found, listed, changed and deleted.

An object is stored with the members of its own schema and of the answer that created it, and with the parameters given.
Each answer shows the members that its schema has, in the schema's envelope.
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.apis.catalog import Operation, Schema
from host.apis.list_items import one_shape
from host.apis.page_names import plain_name
from host.simulator.added_apis.ids import new_id
from host.simulator.added_apis.paths import collection_of, last_step, normal
from host.simulator.added_apis.paths import single as singular
from host.simulator.added_apis.plans import NAMING, AddedPlan, Envelope
from host.simulator.api_error import Refusal, missing
from host.simulator.context import Object, RequestContext
from host.simulator.object_factory import MISFIT
from host.simulator.resources import owner_field, take_effect
from host.simulator.store import StoredObject

encode = msgspec.json.Encoder().encode


def plan_of(call: RequestContext) -> AddedPlan:
    """The plan of a call of an added API."""
    assert isinstance(call.plan, AddedPlan)
    return call.plan


def create(call: RequestContext) -> Object | bytes:
    """Create an object, or one for each item where the body is a list."""
    given = _given(call)
    if isinstance(given, list):
        made = [_create(call, each if isinstance(each, dict) else {}) for each in given] or [_create(call, {})]
        return answer(call, *made)
    return answer(call, _create(call, given))


def _create(call: RequestContext, given: Object) -> Object:
    plan, world = plan_of(call), call.world
    field = plan.objects.id
    value = _blank(call)
    put(call, value, given)
    members = _schemas(call)
    named = (plain_name(field), plain_name(plan.objects.wire))
    chosen = next((item for name, item in given.items() if plain_name(name) in named), None)
    if field and isinstance(chosen, str | int) and chosen != "" and not isinstance(chosen, bool):
        if find(call, str(chosen)) is not None:
            raise Refusal(409, f"{_noun(plan)} already exists: {chosen!r}", code="resource_already_exists", param=field)
        value[field] = chosen
    elif field:
        value[field] = _unused(call, members.get(field, Schema(type="string")), plan.objects.param)
    own = world.catalog.id_field
    if own in members and own != field:
        value[own] = _also(call, value.get(field), members[own])
    id = str(value[field]) if field else world.ids.new()
    _name_also(call, value, id)
    if world.store.record(plan.kind, id) is not None:  # the same name below another owner
        id = f"{place(call)} {id}"
    world.store.put(plan.kind, id, value, under=under(call))
    return value


def _name_also(call: RequestContext, value: Object, id: str) -> None:
    """Set the members of the answer that hold the new object's id under another name: ``{message, export_id}``."""
    plan, catalog = plan_of(call), call.world.catalog
    wanted = {plain_name(plan.objects.wire), f"{plain_name(singular(last_step(plan.kind)))}id"} - {
        plain_name(plan.objects.id)
    }
    for name, schema in one_shape(plan.envelope.schema, catalog).properties.items():
        if plain_name(name) in wanted and catalog.resolve(schema).type == "string" and not value.get(name):
            value[name] = id


def _also(call: RequestContext, id: Any, member: Schema) -> Any:
    """The value of a member ``id`` where the path identifies the object by another one: the same, if allowed."""
    full = call.world.catalog.resolve(member)
    if isinstance(id, str) and full.type == "string" and not (full.pattern or full.format or full.max_length):
        return id
    return _unused(call, member, Schema())


def _unused(call: RequestContext, member: Schema, param: Schema) -> Any:
    plan, store = plan_of(call), call.world.store
    made = store.count(plan.kind)
    for n in range(100):
        id = new_id(call.world.catalog, call.world.ids, plan.objects, made + n, member=member, param=param)
        if store.record(plan.kind, str(id)) is None:
            return id
    raise Refusal(507, f"The simulator finds no further id for {_noun(plan)}: its document allows too few.")


def _blank(call: RequestContext) -> Object:
    """A new object: defaults, times, and the owners in the path."""
    plan, shapes = plan_of(call), call.world.shapes
    value: Object = {}
    schemas = [(f"{plan.operation.id} made", plan.envelope.schema)] if plan.operation.result is not None else []
    if plan.objects.shape is not None:
        schemas.append((f"item {plan.kind}", plan.objects.shape))
    known: dict[str, Schema] = {}
    for name, schema in schemas:
        template = shapes.template(name, schema)
        value.update(shapes.fresh(template, call.now))
        known.update(template.schema.properties)
    for parent in plan.parents:
        own = owner_field(parent, known)
        if own and own != plan.objects.id:
            fitted = shapes.fit(known[own], _typed(call, parent.param))
            if fitted is not MISFIT:
                value[own] = fitted
    return value


def _typed(call: RequestContext, wire: str) -> Any:
    text = call.path_args[wire]
    found = [p.schema for p in call.plan.operation.params.values() if p.location == "path" and p.name == wire]
    return int(text) if found and found[0].type == "integer" and text.isdecimal() else text


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


# -- parameters and answers


def _given(call: RequestContext) -> Any:
    """The members of the body by their wire names, taken out of an envelope if they are in one."""
    operation = call.plan.operation
    if operation.whole_body:
        whole = call.params.get("body")
        return whole if isinstance(whole, dict | list) else {}
    given: Object = {}
    for name, value in call.params.items():
        param = operation.params.get(name)
        if param is None or param.location in ("body", "query"):
            given[param.name if param is not None else name] = value
    return _unwrapped(call, operation, given)


def _unwrapped(call: RequestContext, operation: Operation, given: Object) -> Any:
    plan = plan_of(call)
    known = _members(call)
    bodies = [p.name for p in operation.params.values() if p.location == "body"]
    wrapped = [name for name in bodies if isinstance(given.get(name), dict | list) and plain_name(name) not in known]
    for name in wrapped:
        inner = given[name]
        own = plain_name(name) in (
            plain_name(plan.envelope.path),
            plain_name(operation.resource.rpartition("_")[2]),
        )
        if name == "data" or own or len(bodies) == 1:
            if isinstance(inner, dict):
                return {**{key: item for key, item in given.items() if key != name}, **inner}
            if plan.envelope.many and all(isinstance(each, dict) for each in inner):
                return inner
    return given


def _members(call: RequestContext) -> dict[str, str]:
    """The members that objects of the plan's kind may have, by their plain names."""
    return {plain_name(name): name for name in _schemas(call)}


def _schemas(call: RequestContext) -> dict[str, Schema]:
    """The schemas of these members: those of the item, else those of the answer."""
    plan, found = plan_of(call), dict[str, Schema]()
    for schema in (plan.envelope.schema, plan.objects.shape):
        if schema is not None:
            found.update(one_shape(schema, call.world.catalog).properties)
    return found


def put(call: RequestContext, value: Object, given: Object) -> None:
    """Set those of the given values that the object's schema or the answer's has as members, under their names."""
    plan, shapes, catalog = plan_of(call), call.world.shapes, call.world.catalog
    names = _members(call)
    shape = one_shape(plan.objects.shape, catalog) if plan.objects.shape is not None else Schema()
    own = one_shape(plan.envelope.schema, catalog)
    for name, item in given.items():
        member = names.get(plain_name(name), name)
        schema = shape.properties.get(member) or own.properties.get(member)
        if schema is None:
            if not names or shape.open_map or shape.additional is not None:
                value[member] = item
            continue
        fitted = shapes.fit(schema, item, value.get(member))
        if fitted is not MISFIT:
            value[member] = fitted


def answer(call: RequestContext, *values: Object) -> Object | bytes:
    """The operation's answer about objects: the members of its schema, in its envelope; b"" if it has no body."""
    plan = plan_of(call)
    result = plan.operation.result
    if result is None:
        return {} if plan.operation.method == "GET" else b""
    catalog = call.world.catalog
    shown = [seen(call, value, plan.envelope) for value in values]
    if not plan.envelope.path:
        if one_shape(result, catalog).type == "array":
            return encode(shown)
        return shown[0]
    whole = call.world.shapes.fresh(call.world.shapes.template(f"{plan.operation.id} answer", result), call.now)
    whole[plan.envelope.path] = shown if plan.envelope.many else shown[0]
    return whole


def seen(call: RequestContext, value: Object, envelope: Envelope) -> Object:
    """An object as an answer shows it: those members that the schema has, and placeholders for other required ones."""
    shape = one_shape(envelope.schema, call.world.catalog)
    if not shape.properties:
        return value
    template = call.world.shapes.template(f"{call.plan.operation.id} seen", envelope.schema)
    whole = call.world.shapes.fresh(template, call.now)
    open_ = shape.open_map or shape.additional is not None
    whole.update({name: item for name, item in value.items() if open_ or name in shape.properties})
    return whole


# -- existing objects


def find(call: RequestContext, id: str) -> tuple[str, Object] | None:
    """The object with that id, or that value of another naming member, in the request's collection, after its key in
    the store; ``None`` if there is none.
    """
    plan, store = plan_of(call), call.world.store
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
    given = _given(call)
    given = given[0] if isinstance(given, list) and given else given
    put(call, value, given if isinstance(given, dict) else {})
    if there is None:
        names = [name for name in (plan.objects.id, call.world.catalog.id_field) if name in _schemas(call)]
        value.update(dict.fromkeys(names, _typed(call, plan.target)))
    elif plan.objects.id:  # the id cannot be changed
        value[plan.objects.id] = was
    call.world.store.put(plan.kind, key, value, under=under(call))
    return answer(call, value)


def delete(call: RequestContext) -> Object | bytes:
    """Delete the object. It stays in the ledger."""
    key, value = _found(call)
    call.world.store.put(plan_of(call).kind, key, value, deleted=True)
    return answer(call, value)


def act(call: RequestContext) -> Object | bytes:
    """An action on an object: sets its parameters as members, and what the verb implies."""
    plan, (key, value) = plan_of(call), _found(call)
    given = _given(call)
    if plan.operation.method != "DELETE" and plan.objects.shape is not None:
        put(call, value, given if isinstance(given, dict) else {})
        take_effect(call, value, one_shape(plan.objects.shape, call.world.catalog).properties)
    call.world.store.put(plan.kind, key, value)
    return answer(call, value)


def compute(call: RequestContext) -> Object | bytes:
    """Make an answer that is not stored."""
    given = _given(call)
    value = _blank(call)
    put(call, value, given if isinstance(given, dict) else {})
    return answer(call, value)


def single(call: RequestContext) -> Object | bytes:
    """An object that exists once at its path: made when first used, changed by what is sent."""
    plan, store = plan_of(call), call.world.store
    key = place(call)
    value = store.get(f"{plan.kind} there", key)
    if value is None:
        value = _blank(call)
        schemas, common = _schemas(call), call.world.catalog.id_field
        for name in {plan.objects.id, common if common in schemas else ""} - {""}:
            if value.get(name) in (None, ""):  # a required text is empty in a new object
                value[name] = _unused(call, schemas.get(name, Schema()), Schema())
    if plan.operation.mutation:
        given = _given(call)
        put(call, value, given if isinstance(given, dict) else {})
    if plan.operation.mutation or plan.objects.id:
        store.put(f"{plan.kind} there", key, value)
    return answer(call, value)
