"""What one run may use, and how fast one API is called, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from host.errors import UsageError

MB = 1 << 20
YEAR = 31_536_000.0  # seconds
MOST = 1 << 48
MOST_PROCESSES = 256  # worker processes of one host
TIMES = ("lua_time", "run_time", "grace")


class Limits(msgspec.Struct, frozen=True):
    """Limits of one run. Sizes are bytes, times seconds; all are above 0, times at most a year.

    ``lua_time`` bounds the Lua code between two calls, ``run_time`` (``None``: no limit) the whole run,
    ``grace`` how long after its end a run that does not yield is waited for. ``string`` bounds the strings
    a script makes with ``rep``, ``format``, ``concat`` and the like.
    """

    lua_time: float = 30.0
    run_time: float | None = None
    grace: float = 5.0
    memory: int = 256 * MB
    string: int = 64 * MB
    output: int = 64 * MB
    tasks: int = 10_000
    calls: int = 1_000_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is None and name == "run_time":
                continue
            if name in TIMES:
                if not is_seconds(value):
                    raise UsageError(f"Limits.{name} is {value!r}; expected seconds above 0, at most a year")
            elif isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST:
                raise UsageError(f"Limits.{name} is {value!r}; expected a whole number above 0, at most {MOST}")


def is_seconds(value: object) -> bool:
    """Whether ``value`` is a time that can be waited for: seconds above 0, at most a year."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= YEAR


class ApiLimits(msgspec.Struct, frozen=True):
    """How one API is called, where it is to be otherwise than usual; ``None``: as usual.

    ``rate`` is requests a second, 0 for as many as there are (usual for all but Stripe's own address);
    ``burst`` how many of them at once (usual: one second's worth). ``in_flight`` requests may be under way to it,
    over all its addresses. ``retries`` is how often a call is tried again (usual: 2); a call's own
    ``:with{retries=…}`` wins.
    """

    rate: float | None = None
    burst: float | None = None
    in_flight: int | None = None
    retries: int | None = None

    def __post_init__(self) -> None:
        for name, (whole, least, expected) in _API_LIMITS.items():
            value = getattr(self, name)
            if value is None:
                continue
            kinds: Any = int if whole else int | float
            if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= 1_000_000:
                raise UsageError(f"{name} is {value!r}; expected {expected}")


_API_LIMITS: Mapping[str, tuple[bool, float, str]] = {
    "rate": (False, 0, "requests a second, a number from 0 (no limit)"),
    "burst": (False, 1, "a number from 1"),
    "in_flight": (True, 1, "a whole number from 1"),
    "retries": (True, 0, "a whole number from 0"),
}


def read_api_limits(value: object) -> Mapping[str, ApiLimits]:
    """By API, of ``{"stripe": ApiLimits(…) or {…}}`` or ``"stripe: rate=50, retries=5; petstore: rate=5"``.

    Raises ``ValueError`` saying what is wrong.
    """
    if value is None:
        return {}
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"is {value!r}; expected limits by API, such as stripe: rate=50")
    found = {}
    for name, given in value.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"names the API {name!r}; expected a name such as stripe")
        if isinstance(given, Mapping):
            unknown = [each for each in given if each not in _API_LIMITS]
            if unknown:
                raise ValueError(f"has {unknown[0]!r} for {name}; expected one of {', '.join(_API_LIMITS)}")
            try:
                given = ApiLimits(**given)
            except UsageError as error:
                raise ValueError(f"is wrong for {name}: {error.message}") from None
        if not isinstance(given, ApiLimits):
            raise ValueError(f"has {given!r} for {name}; expected limits such as rate=50")
        found[name] = given
    return found


def _parsed(text: str) -> dict[str, dict[str, int | float]]:
    found: dict[str, dict[str, int | float]] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, colon, rest = part.partition(":")
        known = found.setdefault(name.strip(), {})
        for pair in rest.split(","):
            key, _, number = (each.strip() for each in pair.partition("="))
            try:
                said = int(number) if number.isdigit() else float(number)
            except ValueError:
                colon = ""
                break
            if key in known and known[key] != said:
                raise ValueError(f"has {key} for {name.strip()} twice, with different values")
            known[key] = said
        if not colon:
            raise ValueError(f"is {text!r}; expected such as stripe: rate=50, retries=5; petstore: rate=5")
    return found
