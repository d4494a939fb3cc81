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


class AsyncRequest(msgspec.Struct, frozen=True, eq=False):
    """A call of the registered async function ``name`` with ``payload``.

    ``deliver`` takes the :class:`Reply`. It is called exactly once, from any thread, whatever happens
    (answer, error, deadline, cancellation, the worker's death, the host's end); it must not block and
    must not raise. ``deadline`` is on :func:`time.monotonic`. ``source`` groups the calls of one run:
    the queue serves sources in turn, so one of many calls does not starve the others.
    ``mutation`` says that cancelling must let a sent request finish.
    """

    name: str
    payload: Any
    deadline: float
    deliver: Callable[[Reply], None]
    source: object = None
    mutation: bool = False
