"""Records what goes out and comes back, and what its runs draw.

It stands above retries and limits: a cassette has what became of each call, with the attempts before it. So a replay
neither waits for a backoff nor depends on how a breaker stood, and gives a script what it was given.
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
        """A new one, for the API must not take these calls for those of an earlier recording."""
        group = self.cassette.group(run, "")
        with self.cassette.lock:
            group.keys = group.keys or random_key()
            return group.keys

    def drawn(self, run: str, label: str, draw: Callable[[], bytes | None]) -> bytes | None:
        """The real value, recorded."""
        value = draw()
        if value is not None:
            with self.cassette.lock:
                self.group(run).drawn.setdefault(label, []).append(value.decode())
        return value

    def through(self, send: Send) -> Send:
        """``send``, with what comes of each request recorded."""

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
        """Write the file, unless somebody else does, or nothing ever ran."""
        if self.owned and self.cassette.begun:
            self.owned = False
            self.cassette.save()

    def _asked(self, run: str, interaction: Interaction) -> Group:
        """Take note of a request where it is asked; returns the group it is of."""
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
    """A sink that remembers what went through it."""

    def __init__(self, sink: BodySink) -> None:
        self._sink = sink
        self._seen: bytearray | None = None

    @property
    def body(self) -> bytes | None:
        """All of it; nothing where it did not begin."""
        return None if self._seen is None else bytes(self._seen)

    @property
    def largest(self) -> int:
        """The sink's own limit."""
        return self._sink.largest

    async def begin(self) -> None:
        self._seen = bytearray()
        await self._sink.begin()

    async def write(self, data: bytes) -> None:
        if self._seen is not None:
            self._seen += data
        await self._sink.write(data)
