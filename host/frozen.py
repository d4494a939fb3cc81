"""Frozen values some of whose fields are not shown, or do not count when two are compared.

Structs of msgspec, as all frozen values here: a class is made in a fiftieth of a dataclass's time, and forty of
them stand between a command and its first call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["Frozen"]


class Frozen(msgspec.Struct, frozen=True):
    """A value whose class names fields: ``UNSHOWN`` are left out of its repr, ``UNCOMPARED`` of comparing and
    hashing, ``UNHASHED`` of hashing alone (dicts)."""

    UNSHOWN = frozenset[str]()
    UNCOMPARED = frozenset[str]()
    UNHASHED = frozenset[str]()

    def _values(self, *without: frozenset[str]) -> Iterator[tuple[str, Any]]:
        for name in self.__struct_fields__:
            if not any(name in names for names in without):
                yield name, getattr(self, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._values(self.UNSHOWN))})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Frozen)
        return dict(self._values(self.UNCOMPARED)) == dict(other._values(self.UNCOMPARED))

    def __ne__(self, other: object) -> bool:  # Struct has its own, which would compare all fields
        return NotImplemented if type(other) is not type(self) else not self == other

    def __hash__(self) -> int:
        return hash((type(self), *self._values(self.UNCOMPARED, self.UNHASHED)))
