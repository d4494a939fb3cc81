"""Chooses the form of a call's body by its arguments, or by the media type that the call names."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from host.apis import media_types
from host.apis.catalog import BodyForm, Catalog, Operation
from host.apis.files import file_schema, is_file
from host.apis.nearest import short
from host.apis.options import CallOptions
from host.apis.plan import RequestPlan, no_parameter
from host.errors import InvalidCall

__all__ = ["BodyChoice", "bodies_of", "chosen"]


class BodyChoice:
    """One form of a body: the operation with this form only, and its request plan, made when it is first used."""

    __slots__ = ("_plan", "form", "operation", "required")

    def __init__(self, operation: Operation, form: BodyForm) -> None:
        self.form = form
        outside = {name: param for name, param in operation.params.items() if param.location != "body"}
        first = form.content_types[0]
        self.operation = replace(
            operation,
            params=outside | form.params,
            body=form.kind,
            content_type=media_types.concrete(first, form.kind),
            content_types=form.content_types,
            forms=(),
            whole_body=form.whole,
            extra=form.extra,
        )
        self.required = {name for name, param in form.params.items() if param.required}
        self._plan: RequestPlan | None = None

    def plan(self, catalog: Catalog) -> RequestPlan:
        if self._plan is None:
            self._plan = RequestPlan(catalog, self.operation)
        return self._plan

    def takes(self, catalog: Catalog, given: dict[str, Any]) -> bool:
        """Whether this form can hold all arguments, with files and tables only where it has them."""
        for name, value in given.items():
            param = self.form.params.get(name)
            if param is None:
                if self.form.extra is None:
                    return False
                continue
            shape = file_schema(catalog, param.schema)
            files = any(map(is_file, value)) if isinstance(value, list) else is_file(value)
            if self.form.kind in ("json", "form"):
                # Neither can hold bytes, so another form is meant.
                if shape.format == "binary" or (files and shape.type != "object"):
                    return False
                if self.form.whole and isinstance(value, str) and shape.type not in ("string", "array"):
                    return False
            elif self.form.whole and self.form.kind != "multipart" and isinstance(value, dict | list) and not files:
                return media_types.is_lines(self.form.content_types[0])
            elif files and shape.format != "binary" and shape.type not in ("", "string"):
                return False
        return True


def bodies_of(operation: Operation) -> tuple[BodyChoice, ...]:
    """The forms of an operation's body, the default one first."""
    return tuple(BodyChoice(operation, form) for form in operation.forms)


def chosen(
    catalog: Catalog, operation: Operation, plan: RequestPlan, arguments: dict[str, Any], options: CallOptions
) -> tuple[Operation, RequestPlan]:
    """The operation with the body that a call means, and its plan.

    The option ``content_type`` decides, if given; else the first form that has all given members and all of whose
    required members are given, else the first that has all given members. Raises ``InvalidCall`` if no form has them
    all, and for a media type that is not offered.
    """
    bodies = plan.bodies or (BodyChoice(operation, _only(operation)),)
    asked = options.content_type
    if asked is not None:
        return _asked(catalog, operation, plan, bodies, asked)
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        entry = plan.find(operation, name)
        if entry is None and not any(body.form.extra is not None for body in bodies):
            raise no_parameter(operation, name, plan.entries)
        if entry is None or entry.param.location == "body":
            given[name if entry is None else entry.name] = value
    fitting = [body for body in bodies if body.takes(catalog, given)]
    fitting = fitting or [body for body in bodies if given.keys() <= body.form.params.keys()]
    if not fitting:
        raise _none_has(operation, bodies, given)
    best = next((body for body in fitting if body.required <= given.keys()), fitting[0])
    return best.operation, best.plan(catalog)


def _asked(
    catalog: Catalog, operation: Operation, plan: RequestPlan, bodies: tuple[BodyChoice, ...], asked: str
) -> tuple[Operation, RequestPlan]:
    offered = [each for body in bodies for each in body.form.content_types]
    if operation.body is None:
        raise InvalidCall(
            f"option content_type: {operation.id} has no body", operation=operation.id, param="content_type"
        )
    exact = [body for body in bodies if any(media_types.fits(asked, each) for each in body.form.content_types)]
    alike = [body for body in bodies if media_types.takes(body.form.content_types, asked)]
    for body in (*exact, *alike):
        name = media_types.first_that(body.form.content_types, asked)
        key = ("body", operation.id, bodies.index(body), name)
        found: tuple[Operation, RequestPlan] | None = catalog.plans.get(key)
        if found is None:
            named = replace(body.operation, content_type=name, content_types=())
            found = named, RequestPlan(catalog, named)
            if name in offered:  # a script may ask for arbitrarily many others
                catalog.plans[key] = found
        return found
    raise InvalidCall(
        f"option content_type: {operation.id} takes {', '.join(offered)}, not {short(asked)}",
        operation=operation.id,
        param="content_type",
    )


def _only(operation: Operation) -> BodyForm:
    """The form of a body that has only one."""
    members = {name: param for name, param in operation.params.items() if param.location == "body"}
    types = operation.content_types or (operation.content_type,)
    return BodyForm(operation.body or "json", types, members, operation.whole_body, operation.extra)


def _none_has(operation: Operation, bodies: tuple[BodyChoice, ...], given: dict[str, Any]) -> InvalidCall:
    forms = "; ".join(f"{body.form.content_types[0]} has {', '.join(body.form.params) or 'none'}" for body in bodies)
    names = ", ".join(given)
    return InvalidCall(
        f"{operation.resource}: no body of {operation.id} has all of {names} as they are given: {forms}",
        operation=operation.id,
    )
