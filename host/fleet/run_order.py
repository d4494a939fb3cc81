"""A submitted run in the form in which it is stored until a worker takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from host import arguments
from host.errors import InvalidCall, LimitError, UsageError
from host.fleet.texts import Parcel
from host.lua.values import to_lua
from host.remote.job import RemoteJob, narrowing
from host.run.options import RunOptions, check_id
from host.telemetry import current_traceparent

__all__ = ["LONGEST_QUEUE", "Order", "check_queue", "order_of"]

LONGEST_QUEUE: Final = 28
"""Characters: PostgreSQL's channels, which are called after queues, have names of at most 63."""

_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,27}")


class Order(RemoteJob, frozen=True, kw_only=True):
    """``text`` and ``modules`` are hashes of texts. ``due`` is in seconds since 1970, by the database's clock."""

    script: str
    text: str
    modules: dict[str, str]
    need: str
    queue: str = "default"
    priority: int = 0
    due: float | None = None


def check_queue(name: Any) -> str:
    """Raise ``UsageError`` for what cannot be a queue's name."""
    if not isinstance(name, str) or not _QUEUE.fullmatch(name):
        raise UsageError(
            f"a queue's name is 1 to {LONGEST_QUEUE} letters, digits and . _ -, beginning with a letter or digit; "
            f"got {arguments.shown(name)}"
        )
    return name


def order_of(
    parcel: Parcel,
    options: RunOptions,
    need: str,
    *,
    queue: str = "default",
    priority: int = 0,
    due: float | None = None,
    mask: Callable[[str], str] = str,
) -> Order:
    """The order for a run of ``parcel``; ``need`` is the id of its needs, ``due`` in seconds since 1970.

    Raises ``UsageError`` for what cannot be submitted: options that apply to one process, values that Lua lacks, and
    texts with keys, which ``mask`` recognizes.
    """
    if options.sinks:
        raise UsageError("sinks are objects of this process, and the run is another's: runs show -f follows its output")
    if options.force_new or options.durable is False:
        raise UsageError("a submitted run is always durable and new; runs retry continues one")
    if isinstance(priority, bool) or not isinstance(priority, int) or not -(1 << 31) <= priority < 1 << 31:
        raise arguments.wrong("priority", priority, "a whole number; a higher one goes first")
    if options.run_id is not None:
        check_id(options.run_id)
    made = Order(
        script=parcel.name,
        text=parcel.text,
        modules=parcel.modules,
        args=to_lua(list(options.args)),
        globals=_values(options.globals),
        options=narrowing(
            timeout=options.timeout, limits=options.limits, permissions=options.permissions, budget=options.budget
        ),
        need=need,
        queue=check_queue(queue),
        priority=priority,
        due=due,
        traceparent=options.traceparent or current_traceparent(),
    )
    _check_no_key("args", options.args, mask)
    _check_no_key("globals", made.globals, mask)
    for hash, text in parcel.texts.items():
        name = next((path for path, each in parcel.modules.items() if each == hash), parcel.name)
        _check_no_key(name, text, mask)
    return made


def _values(given: Mapping[str, Any] | None) -> bytes:
    try:
        return to_lua(dict(given or {}))
    except (InvalidCall, LimitError) as error:
        raise UsageError(f"globals: {error.message}") from None


def _check_no_key(name: str, what: bytes | Sequence[str], mask: Callable[[str], str]) -> None:
    text = what.decode("utf-8", "replace") if isinstance(what, bytes) else "\0".join(map(str, what))
    if mask(text) != text:
        raise UsageError(
            f"{name}: holds a key or another secret of this host's, and those do not travel",
            hint="the worker has its own keys; a script reaches them as STRIPE_API_KEY or env.NAME, if granted",
        )
