"""A text that must not be shown, such as a key."""

from __future__ import annotations

import re
from typing import NoReturn

from host.errors import UsageError

__all__ = ["Secret"]

_KEY_PREFIX = re.compile(r"(?:[a-z]{2,5}_(?:org_)?(?:live|test)_|[a-z]{2,6}_)?")


class Secret:
    """A string that does not show itself: ``str`` and ``repr`` give a mask, only :meth:`reveal` the value.

    Compared and hashed by value. Pickling is refused, so that a secret crosses to another process or a
    file only where somebody wrote :meth:`reveal`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise UsageError(f"a Secret holds a string, not {type(value).__name__}")
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __str__(self) -> str:
        match = _KEY_PREFIX.match(self._value)
        prefix = match.group() if match else ""
        rest = self._value[len(prefix) :]
        return f"{prefix}…{rest[-4:]}" if len(rest) >= 16 else f"{prefix}…"

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; pass secret.reveal() where the value itself must go")
