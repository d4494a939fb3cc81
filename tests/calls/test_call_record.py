"""A call is one record from its check to its reply, and what is said of it names the operation users know."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from host import Host
from host.bridge.request import AsyncRequest, Reply
from host.calls.call import Call
from host.errors import CallError, CallTimeout
from host.http.message import Request

CREATE = 'return new_product():name("x"):create()'


@pytest.fixture
def host() -> Iterator[Host]:
    with Host(simulate=True) as host:
        yield host


def test_what_is_checked_is_what_is_submitted_and_answered(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's record is the very object that the worker takes, and that the session reads the reply from."""
    submitted: list[AsyncRequest] = []
    submit = host._engine.worker.submit
    monkeypatch.setattr(host._engine.worker, "submit", lambda request: (submitted.append(request), submit(request)))
    result = host.run_source(CREATE)
    (call,) = (each for each in submitted if isinstance(each, Call))
    assert (call.name, call.function, call.mutation) == ("stripe.products.create", "api", True)
    assert isinstance(call.payload, Request)
    assert call.request is call.payload
    assert call.payload.idempotency_key is not None
    assert call.reply is not None
    assert call.reply.value.status == 200
    assert result.value in call.reply.value.body.decode()
    assert (call.running, call.waits, call.answered) == (None, None, True)


def test_only_one_record_is_kept_of_a_call(host: Host) -> None:
    """Nothing that knows the call's name, deadline or kind of effect is beside it: no request of the worker's own."""
    fields = set(Call.__struct_fields__)
    assert {"name", "mutation", "deadline", "payload", "source"} <= fields
    assert not fields & {"asked", "request", "answered_by"}
    assert issubclass(Call, AsyncRequest)


class Run:
    """A run that collects the calls that were answered."""

    def __init__(self) -> None:
        self.replies: list[Call] = []

    def answered(self, call: Call) -> None:
        self.replies.append(call)


@pytest.mark.parametrize("error", [None, CallError("no")])
def test_a_reply_is_kept_and_the_run_is_reported(error: CallError | None) -> None:
    """Once, by the record itself; what it took from budgets is settled then."""
    run = Run()
    call = Call("stripe.products.list", source=run)
    reply = Reply("value") if error is None else Reply(error=error)
    call.deliver(reply)
    assert run.replies == [call]
    assert call.reply is reply


def test_an_error_of_the_worker_names_the_operation(host: Host) -> None:
    """Not the function behind it, which is "api" for all of them."""
    run, calls = Run(), []
    for name in ("first", "second"):
        calls.append(Call(name, source=run, function="waits", mutation=True, deadline=monotonic() + 0.05))

    async def waits(payload: Any, deadline: float) -> None:
        import asyncio

        await asyncio.sleep(30)

    host.registry.register("waits", waits)
    for call in calls:
        host.registry.submit(call)
    while len(run.replies) < 2:
        host._engine.worker.run(_turn)
    for call in run.replies:
        assert call.reply is not None
        assert isinstance(call.reply.error, CallTimeout)
        assert call.reply.error.message.startswith(f"{call.name}: ")


async def _turn() -> None:
    """One round of the loop."""
