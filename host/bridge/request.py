"""One call on its way from a run to the loop, and the answer on its way back.

Structs of msgspec: a tenth of the cost of frozen dataclasses to make, and one of each is made per call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from host.errors import CallError


class Reply(msgspec.Struct, frozen=True):
    """The one answer of one request: either ``value`` or ``error``."""

    value: Any = None
    error: CallError | None = None


class AsyncRequest(msgspec.Struct, eq=False):
    """A call of the registered async function ``name`` with ``payload``: one object from its submit to its reply.

    ``deliver`` takes the :class:`Reply`. It is called exactly once, from any thread, whatever happens
    (answer, error, deadline, cancellation, the worker's death, the host's end); it must not block and
    must not raise. ``deadline`` is on :func:`time.monotonic`. ``source`` groups the calls of one run:
    the queue serves sources in turn, so one of many calls does not starve the others.
    ``mutation`` says that cancelling must let a sent request finish.

    From its submit on a request belongs to the loop's thread, which alone changes it. ``queued_at`` is when the loop
    accepted it; ``task`` is set while it is in flight, ``began`` when the function was entered (from then on something
    may have been sent). ``orphan``: answered as cancelled, but the function goes on.
    """

    name: str
    payload: Any
    deadline: float
    deliver: Callable[[Reply], None]
    source: object = None
    mutation: bool = False
    # The loop's own:
    queued_at: float = 0.0
    slot: int = 0  # of Deadlines
    task: Any = None
    began: bool = False
    answered: bool = False
    orphan: bool = False

    __repr__ = object.__repr__  # it holds arguments as they came
