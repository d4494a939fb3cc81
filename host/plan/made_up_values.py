"""Made-up values of a declared type, in the form in which a script receives them: a model is a table of its fields."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from msgspec import inspect as kinds

from host.plan.planned_values import PlannedNames

__all__ = ["NotMadeUp", "made_up_value", "shown_type"]

_CONSTANT: Final[dict[type[kinds.Type], Any]] = {
    kinds.NoneType: None,
    kinds.BoolType: True,
    kinds.DateTimeType: "1970-01-01T00:00:00Z",
    kinds.DateType: "1970-01-01",
    kinds.TimeType: "00:00:00",
    kinds.TimeDeltaType: 0.0,
    kinds.UUIDType: "00000000-0000-0000-0000-000000000000",
    kinds.DecimalType: "0",
}
_LISTS: Final = (kinds.ListType, kinds.VarTupleType, kinds.SetType, kinds.FrozenSetType)


class NotMadeUp(Exception):
    """No value of the type can be made up."""


def made_up_value(hint: Any, names: PlannedNames, word: str) -> Any:
    """A value of the type ``hint``: texts and ids are planned ones, named after ``word`` or their member.

    Of several types it is the first that is not ``None``; a list is as short as it may be. ``Any`` gives a table with
    an id. Raises :class:`NotMadeUp`.
    """
    origin = typing.get_origin(hint)
    if origin in (Awaitable, Coroutine):
        return made_up_value(typing.get_args(hint)[-1], names, word)
    if origin in (typing.Union, types.UnionType):
        return _first(list(typing.get_args(hint)), lambda each: made_up_value(each, names, word))
    if hint is Any or hint is object or isinstance(hint, typing.TypeVar):
        return {"id": names.new(word)}
    try:
        return _Maker(names, word).of_hint(hint)
    except (TypeError, NameError) as error:
        raise NotMadeUp(str(error)) from None


def shown_type(hint: Any) -> str:
    """A type as it is written in an annotation."""
    return hint.__name__ if isinstance(hint, type) and typing.get_origin(hint) is None else str(hint)


def _first(choices: list[Any], make: Callable[[Any], Any]) -> Any:
    """What ``make`` gives for the first choice that it can, ``None`` last."""
    fault = NotMadeUp("it has no type")
    for each in sorted(choices, key=lambda each: each is type(None) or isinstance(each, kinds.NoneType)):
        try:
            return make(each)
        except NotMadeUp as error:
            fault = error
    raise fault


def _is_any(kind: kinds.Type) -> bool:
    return isinstance(kind, kinds.AnyType) or (isinstance(kind, kinds.CustomType) and kind.cls is object)


class _Maker:
    """Makes one value. ``word`` names its planned texts."""

    def __init__(self, names: PlannedNames, word: str) -> None:
        self._names = names
        self._word = word
        self._within: list[Any] = []  # the classes whose fields are being made

    def of_hint(self, hint: Any, field: str = "") -> Any:
        """A value of the type in an annotation. ``field`` is the member it is for, "" for the value itself."""
        return self._custom(hint) if hasattr(hint, "model_fields") else self._of(kinds.type_info(hint), field)

    def _of(self, kind: kinds.Type, field: str) -> Any:
        if type(kind) in _CONSTANT:
            return _CONSTANT[type(kind)]
        if isinstance(kind, kinds.Metadata):
            return self._of(kind.type, field)
        if isinstance(kind, kinds.UnionType):
            return _first(list(kind.types), lambda each: self._of(each, field))
        if isinstance(kind, kinds.LiteralType):
            return kind.values[0]
        if isinstance(kind, kinds.EnumType):
            return next(iter(kind.cls)).value
        if isinstance(kind, kinds.IntType | kinds.FloatType):
            return self._names.number() if field == "id" and isinstance(kind, kinds.IntType) else _number(kind)
        if isinstance(kind, kinds.StrType):
            return self._fitting(kind, self._text(field))
        if _is_any(kind):
            return self._text(field) if field else {"id": self._text("")}
        if isinstance(kind, kinds.BytesType | kinds.ByteArrayType | kinds.MemoryViewType):
            return self._text(field).encode()
        return self._table(kind, field)

    def _text(self, field: str) -> str:
        return self._names.new(field if field not in ("", "id") else self._word)

    def _fitting(self, kind: kinds.StrType, text: str) -> str:
        """``text``, if the type allows it: no other text is recognised as planned."""
        fits = (kind.min_length or 0) <= len(text) <= (len(text) if kind.max_length is None else kind.max_length)
        if not fits or (kind.pattern is not None and not re.search(kind.pattern, text)):
            raise NotMadeUp(f"its texts may not be such as {text}")
        return text

    def _table(self, kind: kinds.Type, field: str) -> Any:
        if isinstance(kind, _LISTS):
            return [self._of(kind.item_type, field) for _ in range(kind.min_length or 0)]
        if isinstance(kind, kinds.TupleType):
            return [self._of(each, field) for each in kind.item_types]
        if isinstance(kind, kinds.NamedTupleType):
            return list(self._fields(kind.cls, kind.fields).values())
        if isinstance(kind, kinds.DictType):
            return self._map(kind)
        if isinstance(kind, kinds.StructType):
            tag = {kind.tag_field: kind.tag} if kind.tag_field else {}
            return tag | self._fields(kind.cls, kind.fields)
        if isinstance(kind, kinds.DataclassType | kinds.TypedDictType):
            return self._fields(kind.cls, kind.fields)
        if isinstance(kind, kinds.CustomType):
            return self._custom(kind.cls)
        raise NotMadeUp("such a value does not cross to Lua")

    def _map(self, kind: kinds.DictType) -> dict[str, Any]:
        named = isinstance(kind.key_type, kinds.StrType) or _is_any(kind.key_type)
        texts = isinstance(kind.value_type, kinds.StrType) or _is_any(kind.value_type)
        if not kind.min_length and not (named and texts):
            return {}
        return {"id": self._of(kind.value_type, "id")}

    def _fields(self, cls: Any, fields: Iterable[kinds.Field]) -> dict[str, Any]:
        return self._once(cls, lambda: {each.encode_name: self._of(each.type, each.encode_name) for each in fields})

    def _custom(self, cls: Any) -> Any:
        if hasattr(cls, "model_fields"):  # a pydantic model, which scripts see by the aliases of its fields
            fields = {each.serialization_alias or each.alias or own: each for own, each in cls.model_fields.items()}
            return self._once(cls, lambda: {name: self.of_hint(each.annotation, name) for name, each in fields.items()})
        if issubclass(cls, Mapping):
            return {"id": self._text("")}
        raise NotMadeUp(f"a value of {cls.__name__} does not cross to Lua")

    def _once(self, cls: Any, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The fields of a class, unless they are being made already."""
        if cls in self._within:
            raise NotMadeUp(f"{cls.__name__} contains itself")
        self._within.append(cls)
        try:
            return make()
        finally:
            self._within.pop()


def _number(kind: kinds.IntType | kinds.FloatType) -> int | float:
    """0, or else a bound of what the type allows."""
    ge, gt, le, lt, step = kind.ge, kind.gt, kind.le, kind.lt, kind.multiple_of or 1
    least = ge if ge is not None else gt + 1 if gt is not None else 0
    most = le if le is not None else lt - 1 if lt is not None else 0
    choices = [0, -(-least // step) * step, most // step * step, least, most]
    if isinstance(kind, kinds.FloatType) and gt is not None and lt is not None:
        choices.append((gt + lt) / 2)
    for each in choices:
        above = (ge is None or each >= ge) and (gt is None or each > gt)
        below = (le is None or each <= le) and (lt is None or each < lt)
        if above and below and (kind.multiple_of is None or each % step == 0):
            return each
    raise NotMadeUp("no number was found within its bounds")
