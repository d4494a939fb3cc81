"""Answers requests from a cassette. It has no client, so it cannot send anything.

A request gets the answer of an equal recorded one. Each answer is used once; equal requests get theirs in the order of
the recording, those of the same test first. Tasks may therefore run in another order. Answers are delivered in the
order of the recording as far as the requests are made in that order.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from host.cassettes.cassette import Cassette, CassettePart, Interaction
from host.cassettes.differences import unknown_request
from host.cassettes.tape import Tape, UnrecordedRequest, next_after
from host.errors import CallError
from host.http.message import Request, Response, Send, not_sent

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.policy.redaction import Redactor

__all__ = ["NoClient", "Player"]

STILL: Final = 0.05  # seconds without a request after which an answer no longer waits for an earlier one
_CLOCKS: Final = ("time", "clock")


class NoClient:
    """The client of a host that replays, which refuses every request."""

    is_own = is_direct = False  # answers are awaited in tasks

    async def send(self, request: Request, deadline: float) -> Response:
        """Raise ``AssertionError``, since nothing may be sent on replay."""
        raise AssertionError(f"a replay would have sent {request.method} {request.url}")

    def replace(self, name: str, simulator: object) -> None:
        """Do nothing: no simulator is used either."""

    async def aclose(self) -> None:
        """Do nothing."""


class Player(Tape):
    """See :class:`Tape`. Each player notes for itself which answers are used, so that a file can be run again."""

    replaying = True
    client = NoClient()

    def __init__(self, cassette: Cassette | CassettePart, apis: Mapping[str, Api], redactor: Redactor) -> None:
        super().__init__(cassette, apis, redactor)
        self._groups: dict[str, list[tuple[str, str]]] = defaultdict(list)  # names of recorded groups, by run
        with self.cassette.lock:
            for name in self.cassette.groups:
                self._groups[name[0]].append(name)
        self._left: dict[str, dict[str, list[_Recorded]]] = {}  # by run, then by request
        self._used: dict[str, list[_Recorded]] = defaultdict(list)
        self._orders: dict[tuple[str, str], _AnswerOrder] = {}
        self._drawn: dict[tuple[str, str, str], deque[str]] = {}
        self._last: dict[
            tuple[str, str], tuple[str, float]
        ] = {}  # the value drawn last, and when the recorded values ran out

    def keys(self, run: str) -> str:
        """The recorded text."""
        return self.cassette.group(run, "").keys or run

    def drawn(self, run: str, label: str, draw: Callable[[], bytes | None]) -> bytes | None:
        """The recorded values in order. After the last one the clock continues from it, and seeds are derived from
        it."""
        with self.cassette.lock:
            found = self._recorded_draws(run, label)
            if found:
                value = found.popleft()
                self._last[run, label] = value, 0.0
                return value.encode()
            last, since = self._last.get((run, label), ("", 0.0))
        if label == "random":
            last = next_after(last or self.keys(run))
            self._last[run, label] = last, 0.0
            return last.encode()
        if label not in _CLOCKS or not last:
            return draw()
        now = monotonic()
        self._last[run, label] = last, since or now
        passed = now - (since or now)
        return b"%.17g" % (float(last) + (passed if label == "clock" else int(passed)))

    def through(self, send: Send) -> Send:
        """A function that answers in place of ``send``, which is never called."""
        return self._send

    async def _send(self, request: Request, deadline: float) -> Response:
        run = self.name_of(request.run_id)
        form = self.forms.request(request)
        recorded = self._take(run, form)
        if recorded is None:
            raise self._unrecorded(run, form, request)
        if recorded.interaction.answer is None:
            await asyncio.get_running_loop().create_future()  # the recorded caller gave up, too
        await self._order(recorded.group).turn(recorded.interaction)
        outcome = self._outcome(recorded.interaction, request)
        if isinstance(outcome, CallError):
            raise outcome
        return outcome

    def _outcome(self, interaction: Interaction, request: Request) -> Response | CallError:
        assert interaction.answer is not None
        try:
            return self.forms.outcome(interaction.answer, request)
        except (ValueError, TypeError, AttributeError) as error:
            where = f"{self.cassette.path}:{interaction.line}"
            return UnrecordedRequest(f"{where}: the answer cannot be read: {error}", outcome=not_sent(request))

    def _take(self, run: str, form: dict[str, Any]) -> _Recorded | None:
        with self.cassette.lock:
            equal = self._of_run(run).get(_key(form))
            if not equal:
                return None
            found = next((each for each in equal if each.group[1] == self.test), equal[0])
            equal.remove(found)
            self._used[run].append(found)
            self.cassette.asked.add(found.interaction)
            return found

    def _of_run(self, run: str) -> dict[str, list[_Recorded]]:
        """The unused interactions of a run, by request."""
        left = self._left.get(run)
        if left is None:
            left = self._left[run] = {}
            for group in self._groups[run]:
                for each in self.cassette.groups[group].interactions:
                    left.setdefault(_key(each.request), []).append(_Recorded(group, each))
        return left

    def _recorded_draws(self, run: str, label: str) -> deque[str] | None:
        """The values left to draw, of the test or of the run, whose seed is drawn by the first test that needs one."""
        for group in self._groups[run]:
            if (*group, label) not in self._drawn:
                self._drawn[*group, label] = deque(self.cassette.groups[group].drawn.get(label, ()))
        own = self._drawn.get((run, self.test, label))
        if own or label != "random":
            return own
        return next((self._drawn[*group, label] for group in self._groups[run] if self._drawn[*group, label]), None)

    def _order(self, group: tuple[str, str]) -> _AnswerOrder:
        found = self._orders.get(group)
        if found is None:
            found = self._orders[group] = _AnswerOrder(self.cassette.groups[group].interactions)
        return found

    def _unrecorded(self, run: str, form: dict[str, Any], request: Request) -> UnrecordedRequest:
        with self.cassette.lock:
            left = [each.interaction for equal in self._of_run(run).values() for each in equal]
            used = [each.interaction for each in self._used[run]]
        text = unknown_request(form, sorted(left, key=_line), used, str(self.cassette.path))
        self.unrecorded.append(text)
        return UnrecordedRequest(text, operation=request.operation or None, outcome=not_sent(request))


class _Recorded:
    """An interaction, with the name of its group."""

    __slots__ = ("group", "interaction")

    def __init__(self, group: tuple[str, str], interaction: Interaction) -> None:
        self.group = group
        self.interaction = interaction


class _AnswerOrder:
    """Delivers the answers of a group in the order in which they were recorded. Used on the loop's thread only.

    An answer waits for those before it until no request has been made for ``STILL`` seconds. Then the requests it waits
    for will not be made, or will be made in another order.
    """

    def __init__(self, interactions: list[Interaction]) -> None:
        answered = [each for each in interactions if each.answer is not None]
        places = {each: each.answered or place for place, each in enumerate(answered, 1)}
        self._left = deque(sorted(answered, key=places.__getitem__))
        self._to_come = set(self._left)
        self._waiting: dict[Interaction, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, interaction: Interaction) -> None:
        """Wait until all earlier answers have been delivered."""
        if interaction in self._to_come and self._left[0] is not interaction:
            future = self._waiting[interaction] = asyncio.get_running_loop().create_future()
            self._wait_a_moment()
            try:
                await future
            finally:
                self._waiting.pop(interaction, None)
                self._over(interaction)
        else:
            self._over(interaction)

    def _over(self, interaction: Interaction) -> None:
        if interaction in self._to_come:
            self._to_come.remove(interaction)
            self._left.remove(interaction)
        self._call_next()
        if self._waiting:
            self._wait_a_moment()

    def _call_next(self) -> None:
        future = self._waiting.get(self._left[0]) if self._left else None
        if future is not None and not future.done():
            future.set_result(None)

    def _wait_a_moment(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(STILL, self._pass_over)

    def _pass_over(self) -> None:
        """Deliver the first of the waiting answers without those before it."""
        while self._left and self._left[0] not in self._waiting:
            self._to_come.remove(self._left.popleft())
        self._call_next()


def _key(form: Mapping[str, Any]) -> str:
    return json.dumps(form, sort_keys=True)


def _line(interaction: Interaction) -> int:
    return interaction.line
