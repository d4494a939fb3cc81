"""What one run may use, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from host.errors import UsageError

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run. Sizes are bytes, times seconds; all are above 0.

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
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "run_time":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise UsageError(f"Limits.{field.name} is {value!r}; expected a number above 0")
