"""Records requests, answers, and the values that runs draw.

It wraps the chain of retries and limits, so a cassette has the outcome of each call together with its earlier attempts.
A replay therefore neither waits for a backoff nor depends on a circuit breaker, and gives the script the same result.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from host.cassettes.cassette import Group, Interaction
from host.cassettes.tape import Tape
from host.errors import CallError
from host.http.idempotency import random_key
from host.http.message import BodySink, Request, Response, Send

__all__ = ["Recorder"]


class Recorder(Tape):
    """See :class:`Tape`."""

    def keys(self, run: str) -> str:
        """A new text, so that the API does not take these calls for those of an earlier recording."""
        group = self.cassette.group(run, "")
        with self.cassette.lock:
            group.keys = group.keys or random_key()
            return group.keys

    def drawn(self, run: str, label: str, draw: Callable[[], bytes | None]) -> bytes | None:
        """Draw a value and record it."""
        value = draw()
        if value is not None:
            with self.cassette.lock:
                self.group(run).drawn.setdefault(label, []).append(value.decode())
        return value

    def through(self, send: Send) -> Send:
        """``send``, with the outcome of each request recorded."""

        async def recorded(request: Request, deadline: float) -> Response:
            interaction = Interaction(self.forms.request(request))
            group = self._asked(self.name_of(request.run_id), interaction)
            copy = None
            if request.sink is not None:
                copy = _Copy(request.sink)
                request = replace(request, sink=copy)
            outcome: Response | CallError
            try:
                outcome = await send(request, deadline)
            except CallError as error:
                self._ended(interaction, group, request, error, None)
                raise
            self._ended(interaction, group, request, outcome, copy)
            return outcome

        return recorded

    def close(self) -> None:
        """Write the file, unless its owner does, or nothing was run."""
        if self.owned and self.cassette.begun:
            self.owned = False
            self.cassette.save()

    def _asked(self, run: str, interaction: Interaction) -> Group:
        """Add a request when it is made. Returns its group."""
        with self.cassette.lock:
            group = self.group(run)
            group.interactions.append(interaction)
            return group

    def _ended(
        self,
        interaction: Interaction,
        group: Group,
        request: Request,
        outcome: Response | CallError,
        copy: _Copy | None,
    ) -> None:
        form = self.forms.answer(request, outcome, copy.body if copy is not None else None)
        with self.cassette.lock:
            group.answers += 1
            interaction.answered = group.answers
            interaction.answer = form


class _Copy:
    """Wraps a body's sink and keeps a copy of what was written."""

    def __init__(self, sink: BodySink) -> None:
        self._sink = sink
        self._seen: bytearray | None = None

    @property
    def body(self) -> bytes | None:
        """The whole body; ``None`` if it did not begin."""
        return None if self._seen is None else bytes(self._seen)

    @property
    def largest(self) -> int:
        """The limit of the wrapped sink."""
        return self._sink.largest

    async def begin(self) -> None:
        self._seen = bytearray()
        await self._sink.begin()

    async def write(self, data: bytes) -> None:
        if self._seen is not None:
            self._seen += data
        await self._sink.write(data)
