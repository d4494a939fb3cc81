"""Converts a script's arguments by a Python function's signature, or says what is wrong with them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from host.apis.nearest import meant, short
from host.apis.validation_error import shown
from host.errors import InvalidCall, UsageError
from host.functions.converters import Convert, converter, fault

__all__ = ["Parameter", "Signature"]


class Parameter:
    """One parameter: its name and position, and how a script's value is converted."""

    __slots__ = ("convert", "name", "number", "required")

    def __init__(self, name: str, number: int | None, required: bool, convert: Convert | None) -> None:
        self.name = name
        self.number = number  # its position from 1; None if it is given by name
        self.required = required
        self.convert = convert

    def __str__(self) -> str:
        return f"argument {self.number} ({self.name})" if self.number else f"argument {self.name}"


class Signature:
    """The parameters of ``target``, except the one annotated with the class ``context``.

    The attribute ``context`` is the name of that parameter, or ``None``; ``result`` is the return annotation, or
    ``Any``. ``scope`` has further names for annotations that are strings. Raises ``UsageError`` for an annotation that
    cannot be read, or that no Lua value converts to.
    """

    def __init__(self, target: Callable[..., Any], name: str, context: type, scope: Mapping[str, Any]) -> None:
        self.name = name
        self.context: str | None = None
        self.context_place = 0
        self.positional: list[Parameter] = []
        self.named: dict[str, Parameter] = {}
        self.rest: Parameter | None = None  # of *args
        self.more: Parameter | None = None  # of **kwargs
        hints = _hints(target, name, scope)
        self.result = hints.get("return", Any)
        for each in _parameters(target, name):
            hint = hints.get(each.name, Any)
            if hint is context:
                self.context = each.name
                self.context_place = len(self.positional)
                continue
            convert = converter(hint, f"{name}: the annotation of {each.name}")
            required = each.default is each.empty
            if each.kind is each.VAR_POSITIONAL:
                self.rest = Parameter(each.name, None, False, convert)
            elif each.kind is each.VAR_KEYWORD:
                self.more = Parameter(each.name, None, False, convert)
            elif each.kind is each.KEYWORD_ONLY:
                self.named[each.name] = Parameter(each.name, None, required, convert)
            else:
                number = len(self.positional) + 1
                self.positional.append(Parameter(each.name, number, required, convert))
        self._takes_names = bool(self.named) or self.more is not None
        # The usual case: positional parameters only.
        self._simple = not self._takes_names and self.rest is None

    def __str__(self) -> str:
        words = [each.name if each.required else f"[{each.name}]" for each in self.positional]
        if self.rest is not None:
            words.append("…")
        if self._takes_names:
            names = [*self.named, *(["…"] if self.more else [])]
            words.append(f"{{{', '.join(names)}}}")
        return f"{self.name}({', '.join(words)})"

    def bind(self, args: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments by position and by name. Raises ``InvalidCall`` naming the first that is wrong."""
        names: dict[str, Any] = {}
        if self._takes_names:
            args, names = self._split(args)
        positional = self.positional
        if self._simple and len(args) > len(positional) and any(each is not None for each in args[len(positional) :]):
            raise self._wrong(f"{len(args)} arguments, expected at most {len(positional)}")
        found: list[Any] = []
        kept: dict[str, Any] = {}
        skipped = False
        for parameter, value in zip(positional, args, strict=False):
            if value is None and not parameter.required:
                skipped = True  # it keeps its default, so later arguments are passed by name
                continue
            value = value if parameter.convert is None else self._converted(parameter, value)
            if skipped:
                kept[parameter.name] = value
            else:
                found.append(value)
        if len(args) < len(positional):
            found.extend(self._left_out(positional[len(args) :]))
        if self.rest is not None and len(args) > len(positional):
            found.extend(self._each(self.rest, args, len(positional)))
        if self._takes_names:
            kept |= self._by_name(names)
        return found, kept

    def _left_out(self, parameters: Sequence[Parameter]) -> list[None]:
        """``None`` for each required parameter that accepts it. Raises ``InvalidCall`` for one that does not."""
        found: list[None] = []
        for parameter in parameters:
            if parameter.required:
                if parameter.convert is not None:
                    self._converted(parameter, None, missing=True)
                found.append(None)
        return found

    def bind_names(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments by name, as a Python program passes them."""
        own = {each.name: each for each in self.positional} | self.named
        return self._by_name(data, own)

    def _split(self, args: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments by position, and the last table if it holds arguments by name."""
        most = len(self.positional)
        last = args[-1] if args else None
        if not isinstance(last, dict):
            if self.rest is None and len(args) > most and last is not None:
                raise self._wrong(f"the last argument is {shown(last)}, expected a table of named arguments")
            return args, {}
        beyond = len(args) > most and self.rest is None
        if beyond or (last and self.more is None and all(name in self.named for name in last)):
            return args[:-1], last
        if self.more is not None and len(args) > sum(each.required for each in self.positional):
            return args[:-1], last
        return args, {}

    def _by_name(self, given: Mapping[str, Any], own: Mapping[str, Parameter] | None = None) -> dict[str, Any]:
        own = self.named if own is None else own
        found: dict[str, Any] = {}
        for name, value in given.items():
            parameter = own.get(name) or self.more
            if parameter is None:
                hint = meant(name, list(own)) or f"; it has {', '.join(own)}"
                raise self._wrong(f'there is no argument "{short(name)}"{hint}')
            if value is None and not parameter.required:
                continue
            convert = parameter.convert
            target = Parameter(name, None, True, convert) if parameter is self.more else parameter
            found[name] = value if convert is None else self._converted(target, value)
        for name, parameter in own.items():
            if parameter.required and name not in given:
                raise self._wrong(f"{parameter} is missing")
        return found

    def _each(self, rest: Parameter, args: list[Any], start: int) -> list[Any]:
        if rest.convert is None:
            return args[start:]
        return [
            self._converted(Parameter(rest.name, number + 1, True, rest.convert), args[number])
            for number in range(start, len(args))
        ]

    def _converted(self, parameter: Parameter, value: Any, *, missing: bool = False) -> Any:
        assert parameter.convert is not None
        try:
            return parameter.convert(value)
        except msgspec.ValidationError as error:
            if value is None:
                raise self._wrong(f"{parameter} is {'missing' if missing else 'nil'}") from None
            raise InvalidCall(f"{self.name}: {parameter}{fault(error, value)}", param=parameter.name) from None

    def _wrong(self, fault: str) -> InvalidCall:
        return InvalidCall(f"{self.name}: {fault}; call it as {self}")


def _parameters(target: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        raise UsageError(f"{name}: the parameters of {target!r} cannot be read; wrap it in a function") from None


def _hints(target: Callable[..., Any], name: str, scope: Mapping[str, Any]) -> dict[str, Any]:
    source: Any = target
    while isinstance(source, types.MethodType) or hasattr(source, "func") or hasattr(source, "__wrapped__"):
        source = getattr(source, "__func__", None) or getattr(source, "func", None) or source.__wrapped__
    if not hasattr(source, "__annotations__") and callable(source):
        source = type(source).__call__  # an object that can be called
    try:
        hints = typing.get_type_hints(source, localns=dict(scope), include_extras=True)
        return {each: _without_notes(hint) for each, hint in hints.items()}
    except NameError as error:
        raise UsageError(
            f"{name}: an annotation cannot be read: {error}",
            hint="The names in annotations must exist when the function is registered.",
        ) from None
    except TypeError:
        return {}


def _without_notes(hint: Any) -> Any:
    """The type in ``Annotated[…]``, unless it has bounds that values are checked against."""
    notes = getattr(hint, "__metadata__", ())
    return hint.__origin__ if notes and not any(isinstance(each, msgspec.Meta) for each in notes) else hint
