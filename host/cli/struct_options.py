"""Options of commands derived from structs: each annotated field is an option, and the options reach the command as one
value."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union, get_args, get_origin

import click
import msgspec

from host.cli.arguments import SECONDS
from host.option import Option

__all__ = ["fields_of", "given", "struct_options"]

COUNT = click.IntRange(min=0)
_KINDS: Mapping[Any, Any] = {float: SECONDS, int: COUNT, str: None}

Field = tuple[Option, Any, Any]
"""The option, the field's type (``None`` left out), its default."""


def fields_of(struct: type[msgspec.Struct]) -> dict[str, Field]:
    """The fields of a struct that are options, by name."""
    found: dict[str, Field] = {}
    defaults = dict(zip(reversed(struct.__struct_fields__), reversed(struct.__struct_defaults__), strict=False))
    names = sys.modules[struct.__module__].__dict__
    for name in struct.__struct_fields__:
        annotation = struct.__annotations__[name]
        if not annotation.startswith("Annotated["):
            continue  # typing.get_type_hints evaluates all of them, and each start of the command line would wait
        kind, *notes = get_args(eval(annotation, names))  # noqa: S307 - our own text
        for each in notes:
            if isinstance(each, Option):
                found[name] = each, _bare(kind), defaults.get(name, msgspec.NODEFAULT)
    return found


def struct_options(
    name: str, fields: Mapping[str, Field], make: Callable[..., Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the options of ``fields``; they reach it as ``name=make(**values)``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def gathered(*args: Any, **rest: Any) -> Any:
            values = {each: rest.pop(each) for each in fields}
            return function(*args, **{name: make(**values)}, **rest)

        found: Callable[..., Any] = gathered
        for each, field in reversed(list(fields.items())):
            found = _option(each, *field)(found)
        return found

    return decorate


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None and value is not False and value != ()}


def _option(name: str, option: Option, kind: Any, default: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    how: dict[str, Any] = {"help": option.help}
    if kind is bool:
        how["is_flag"] = True
    elif option.kind == "count":
        how["count"] = True
    elif _is_many(kind):
        how |= {"multiple": True, "metavar": option.metavar}
    else:
        how |= {"type": option.kind or _KINDS.get(kind), "metavar": option.metavar}
        if default not in (None, msgspec.NODEFAULT):
            how |= {"default": default, "show_default": True}
    return click.option(*option.flags.split(), name, **how)


def _bare(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        return next(each for each in get_args(kind) if each is not type(None))
    return kind


def _is_many(kind: Any) -> bool:
    origin = get_origin(kind)
    return inspect.isclass(origin) and issubclass(origin, Iterable)
