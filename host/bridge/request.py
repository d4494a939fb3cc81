"""One call: the record that goes from its caller to the loop and back, and its reply.

Structs of msgspec, which are cheap to make: there is one of each per call.
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
    """A call of a registered async function with ``payload``: one object from its submission to its reply.

    ``name`` is the one users know the call by, ``function`` the registered function's name where that is another.
    ``deadline`` is on :func:`time.monotonic`. ``source`` groups the calls of one run: the queue serves sources in turn,
    so one of many calls does not starve the others. ``mutation`` says that cancelling must let a sent request finish.

    Once submitted, a request belongs to the loop's thread, which alone changes it. ``queued_at`` is when it
    found no room in flight. ``began`` is set when the function is entered: from then on something may have been sent.
    Until it ends, ``running`` is what runs it: a task, or a coroutine that ``waits`` for something (``None``: it is
    running now) and may have been ``cancelled`` meanwhile. ``orphan``: answered as cancelled, but the function goes on.
    """

    name: str
    payload: Any = None
    deadline: float = 0.0
    receiver: Callable[[Reply], None] | None = None
    source: Any = None
    mutation: bool = False
    function: str | None = None
    # Set by the loop:
    queued_at: float = 0.0
    slot: float = 0.0  # of Deadlines
    running: Any = None
    waits: Any = None
    began: bool = False
    answered: bool = False
    cancelled: bool = False
    orphan: bool = False

    __repr__ = object.__repr__  # it holds arguments unredacted

    def waiting(self, reason: str, seconds: float | None) -> None:
        """Called when it has to wait before it is sent: see :class:`host.events.Waiting`."""

    def deliver(self, reply: Reply) -> None:
        """Take the reply. Called exactly once, from any thread, whatever happens (answer, error, deadline,
        cancellation, the worker's death, the host's end); must not block and must not raise.
        """
        if self.receiver is not None:
            self.receiver(reply)
