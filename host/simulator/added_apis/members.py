"""Members of an added API's objects: those that a request gives, and those that an answer shows."""

from __future__ import annotations

from typing import Any

import msgspec

from host.apis.catalog import Operation, Schema
from host.apis.list_items import one_shape
from host.apis.page_names import plain_name
from host.simulator.added_apis.plans import AddedPlan, Envelope
from host.simulator.context import Object, RequestContext
from host.simulator.object_factory import MISFIT

encode = msgspec.json.Encoder().encode


def plan_of(call: RequestContext) -> AddedPlan:
    """The plan of a call of an added API."""
    assert isinstance(call.plan, AddedPlan)
    return call.plan


def given_members(call: RequestContext) -> Any:
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
    return {plain_name(name): name for name in member_schemas(call)}


def member_schemas(call: RequestContext) -> dict[str, Schema]:
    """The schemas of these members: those of the item, else those of the answer."""
    plan, found = plan_of(call), dict[str, Schema]()
    for schema in (plan.envelope.schema, plan.objects.shape):
        if schema is not None:
            found.update(one_shape(schema, call.backend.catalog).properties)
    return found


def put(call: RequestContext, value: Object, given: Object) -> None:
    """Set those of the given values that the object's schema or the answer's has as members, under their names."""
    plan, factory, catalog = plan_of(call), call.backend.factory, call.backend.catalog
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
        fitted = factory.fit(schema, item, value.get(member))
        if fitted is not MISFIT:
            value[member] = fitted


def answer(call: RequestContext, *values: Object) -> Object | bytes:
    """The operation's answer about objects: the members of its schema, in its envelope; b"" if it has no body."""
    plan = plan_of(call)
    result = plan.operation.result
    if result is None:
        return {} if plan.operation.method == "GET" else b""
    catalog = call.backend.catalog
    found = [shown(call, value, plan.envelope) for value in values]
    if not plan.envelope.path:
        if one_shape(result, catalog).type == "array":
            return encode(found)
        return found[0]
    whole = call.backend.factory.fresh(call.backend.factory.template(f"{plan.operation.id} answer", result), call.now)
    whole[plan.envelope.path] = found if plan.envelope.many else found[0]
    return whole


def shown(call: RequestContext, value: Object, envelope: Envelope) -> Object:
    """An object as an answer shows it: those members that the schema has, and placeholders for other required ones."""
    shape = one_shape(envelope.schema, call.backend.catalog)
    if not shape.properties:
        return value
    template = call.backend.factory.template(f"{call.plan.operation.id} shown", envelope.schema)
    whole = call.backend.factory.fresh(template, call.now)
    open_ = shape.open_map or shape.additional is not None
    whole.update({name: item for name, item in value.items() if open_ or name in shape.properties})
    return whole


def typed(call: RequestContext, wire: str) -> Any:
    """The value of a path parameter, in the type that the document gives it."""
    text = call.path_args[wire]
    found = [p.schema for p in call.plan.operation.params.values() if p.location == "path" and p.name == wire]
    return int(text) if found and found[0].type == "integer" and text.isdecimal() else text
