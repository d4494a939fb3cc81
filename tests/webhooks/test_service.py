"""Webhooks from request to run: verified, recorded, handled once, tried again, kept when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from host import ConfigError, UsageError
from host.durable.cancelling import cancel
from host.webhooks import dispatcher
from host.webhooks.endpoint import MOST_BYTES
from host.webhooks.event import ReceivedEvent
from host.webhooks.service import Webhooks
from tests.webhooks.conftest import SECRET, Post, Shop, body, signed

Opened = Callable[..., Webhooks]
SignedBy = Callable[[bytes], dict[str, str]]
# Ids and types that would be shown to people and kept in databases.
ODD = [body(id=odd) for odd in ("evt_\0", "evt_\x1b[2J", "a\nb", "e" * 256)] + [body(type="x.\x1b]0;y\a")]
MAKE = 'on("invoice.*", function(event) new_product():name(event.id):create() end)'


def test_an_event_is_handled_once_however_often_it_is_delivered(shop: Shop, opened: Opened, post: Post) -> None:
    """Three deliveries of one event, one of another: two products."""
    hooks = opened(MAKE)
    for id in ("evt_1", "evt_1", "evt_2", "evt_1"):
        answer = post(hooks, body(id))
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert sorted(shop.wait(2)) == ["evt_1 done", "evt_2 done"]
    assert sorted(shop.names()) == ["evt_1", "evt_2"]
    assert hooks.inbox.counts() == {"done": 2}


def test_what_no_handler_wants_is_acknowledged_and_done(shop: Shop, opened: Opened, post: Post) -> None:
    """An event of another kind."""
    assert post(opened(MAKE), body(type="customer.created")).status_code == 200
    assert shop.wait(1) == ["evt_1 done"]
    assert shop.names() == []


@pytest.mark.parametrize(
    ("payload", "headers", "status", "text"),
    [
        (body(), lambda sent: {}, 400, "stripe-signature is missing"),
        (body(), lambda sent: signed(sent, "whsec_other"), 400, "no signature matches"),
        (body() + b" ", lambda sent: signed(body()), 400, "no signature matches"),
        (body(), lambda sent: {"Stripe-Signature": "t=1,v1=aa"}, 400, "no signature matches"),
        (b"[]", signed, 400, "not a JSON object"),
        (b"{", signed, 400, "not JSON"),
        (b"\xff", signed, 400, "not JSON"),
        (b'{"id": "evt_1"}', signed, 400, "no type"),
        (b"[" * 100_000, signed, 400, "not JSON"),
        (b'{"id": "", "type": "x"}', signed, 400, "no id"),
        *((made, signed, 400, "printable") for made in ODD),
        (b"x" * (MOST_BYTES + 1), lambda sent: {}, 413, "at most"),
        (body(), lambda sent: {**signed(sent), "Content-Encoding": "gzip"}, 415, "not compressed"),
        (body(), lambda sent: {**signed(sent), "Content-Encoding": "identity, gzip"}, 415, "not compressed"),
    ],
)
def test_what_is_no_event_of_the_sender_s_is_refused_and_leaves_nothing(
    shop: Shop, opened: Opened, post: Post, payload: bytes, headers: SignedBy, status: int, text: str
) -> None:
    """Unsigned, signed by somebody else, changed, no event, too large."""
    hooks = opened(MAKE)
    answer = post(hooks, payload, headers(payload))  # signed now: a signature lives for minutes
    assert (answer.status_code, text in answer.text) == (status, True), answer.text
    assert SECRET not in answer.text
    assert hooks.inbox.counts() == {}


def test_a_body_that_says_that_it_is_not_compressed_is_taken(opened: Opened, post: Post) -> None:
    """Names of content codings are not case-sensitive (RFC 9110, 8.4.1)."""
    assert post(opened(MAKE), body(), {**signed(body()), "Content-Encoding": "Identity"}).status_code == 200


def test_the_secret_may_be_one_of_several_and_only_post_is_taken(opened: Opened, post: Post) -> None:
    """While it is rolled, requests are signed with either."""
    hooks = opened(MAKE, secret=["whsec_new", SECRET])
    assert post(hooks, body()).status_code == 200
    assert post(hooks, body(), signed(body(), "whsec_new")).status_code == 200
    assert post(hooks, body(), method="GET").status_code == 405


def test_a_handler_that_fails_is_tried_again_and_then_kept_as_a_failed_run(
    shop: Shop, opened: Opened, post: Post
) -> None:
    """Three attempts in all. Mended, ``resume`` goes on with what was done before it failed, once."""
    hooks = opened(MAKE.replace(" end)", ' error("no") end)'), attempts=3)
    post(hooks, body())
    assert shop.wait(3) == ["evt_1 again", "evt_1 again", "evt_1 failed"]
    assert [round(each.seconds, 3) for each in shop.told] == [0.01, 0.02, 0.0]
    assert shop.names() == ["evt_1"]
    hooks.close()
    shop.script(MAKE)
    with shop.host() as host:
        (failed,) = host.durable_runs.journal.runs()
        assert (failed.id, failed.status) == ("handlers:evt_1", "failed")
        assert host.resume(failed.id).error is None
    assert shop.names() == ["evt_1"]


@pytest.mark.parametrize(
    "handler",
    ["sleep(1e6)", "while true do sleep(0) end", "error({kind = 'timeout'})"],
    ids=["waits", "works", "says so"],
)
def test_a_handler_whose_time_is_up_is_kept_as_a_failed_run(
    shop: Shop, opened: Opened, post: Post, handler: str
) -> None:
    """However its last attempt failed, the run is among those that failed, and can be resumed."""
    hooks = opened(f'on("*", function(event) {handler} end)', attempts=2, run={"timeout": 0.05})
    post(hooks, body())
    assert shop.wait(2) == ["evt_1 again", "evt_1 failed"]
    hooks.close()
    shop.script(MAKE)
    with shop.host() as host:
        (failed,) = host.durable_runs.journal.runs()
        assert (failed.id, failed.status) == ("handlers:evt_1", "failed")


def test_the_handler_s_file_is_read_for_each_attempt(shop: Shop, opened: Opened, post: Post) -> None:
    """Edited while it listens: the next event has the new text, and so has the next attempt of one that fails."""
    hooks = opened(MAKE, attempts=99)
    post(hooks, body("evt_1"))
    assert shop.wait(1) == ["evt_1 done"]
    shop.script(MAKE.replace("event.id", '"new " .. event.id'))
    post(hooks, body("evt_2"))
    assert shop.wait(2)[1] == "evt_2 done"
    shop.script("on('*', function(event) this is no Lua")
    post(hooks, body("evt_3"))
    assert shop.wait(3)[2] == "evt_3 again"
    assert shop.told[2].error is not None
    assert (shop.told[2].error.kind, shop.told[2].error.line) == ("syntax", 1)
    shop.script(MAKE)
    while shop.told[-1].how != "done":
        shop.wait(len(shop.told) + 1)
    assert shop.names() == ["evt_1", "new evt_2", "evt_3"]


@pytest.mark.parametrize("text", ["", "  \n", "-- on(", "local a = 1"])
def test_a_file_that_handles_nothing_loses_no_event(
    shop: Shop, opened: Opened, post: Post, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be empty for the moment in which it is written: the event waits, without an attempt being counted."""
    monkeypatch.setattr(dispatcher, "ELSEWHERE", 0.01)
    warned: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(dispatcher._log, "warning", lambda text, *values: warned.put(text % values))
    hooks = opened(MAKE, attempts=1)
    shop.script(text)
    post(hooks, body("evt_1"))
    assert "handlers.lua has no on(…) any more" in warned.get(timeout=20)
    beside = shop.folder / "whole.lua"
    beside.write_text(MAKE)
    beside.replace(shop.folder / "handlers.lua")
    assert shop.wait(1) == ["evt_1 done"]
    assert shop.names() == ["evt_1"]


def test_a_passing_failure_is_made_good_by_the_next_attempt(shop: Shop, opened: Opened, post: Post) -> None:
    """The API refuses the first request with 500: its call is made again, nothing else is."""
    from host.simulator.fault_injection import Faults

    shop.api.faults = Faults.parse("500:100%")
    hooks = opened(MAKE, run={"limits": {}}, attempts=9)
    post(hooks, body())
    assert shop.wait(1)[0] == "evt_1 again"
    shop.api.faults = None
    while shop.told[-1].how != "done":
        shop.wait(len(shop.told) + 1)
    assert shop.names() == ["evt_1"]


def test_a_run_that_somebody_cancelled_is_not_tried_again(shop: Shop, opened: Opened, post: Post) -> None:
    """Whoever ended it wanted that: the event is given up, and ``resume`` still goes on with its run."""
    hooks = opened("on('*', function() new_product():name('begun'):create() sleep(60) end)", attempts=9)
    post(hooks, body())
    while shop.names() != ["begun"]:
        continue
    with shop.host() as host:
        journal = host.durable_runs.journal
        (run,) = journal.runs()
        cancel(journal, run)
    assert shop.wait(1) == ["evt_1 failed"]
    assert shop.told[0].error is not None
    assert shop.told[0].error.kind == "cancelled"
    hooks.close()


def test_what_one_process_left_the_next_one_handles(shop: Shop, opened: Opened, post: Post) -> None:
    """Recorded and answered, then the process ended: with another host, without another request."""
    with shop.host() as host:
        hooks = host.webhooks(shop.script("on('*', function() sleep(60) end)"), secret=SECRET)
        assert post(hooks, body()).status_code == 200
        hooks.close(0.0)
    assert shop.names() == []
    hooks = opened(MAKE)
    hooks.start()
    assert shop.wait(1) == ["evt_1 done"] or shop.told[0].how == "again"


def test_events_of_one_object_are_handled_in_their_order(shop: Shop, opened: Opened, post: Post) -> None:
    """Delivered newest first; those of another object do not wait for them."""
    hooks = opened(MAKE, ordered=True, attempts=1)
    order = [("evt_3", "a", 3), ("evt_2", "a", 2), ("evt_1", "a", 1), ("evt_9", "b", 9)]
    hooks.close()  # nothing is handled while they come
    with shop.host() as host:
        first = host.webhooks(
            shop.script("on('*', function() error('not yet') end)"), secret=SECRET, retry_delay=0.05, attempts=99
        )
        for id, object, created in order:
            assert post(first, body(id, object=object, created=created)).status_code == 200
    again = opened(MAKE, ordered=True)
    again.start()
    told = [each.split()[0] for each in shop.wait(4) if each.endswith("done")]
    assert [id for id in told if id != "evt_9"] == ["evt_1", "evt_2", "evt_3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": 0}, "attempts"),
        ({"concurrency": True}, "concurrency"),
        ({"retry_delay": -1}, "retry_delay"),
        ({"tolerance": "5"}, "tolerance"),
        ({"path": "webhook"}, "path"),
        ({"since": 0.0}, "since"),
        ({"since": float("inf"), "poll": 5.0}, "since"),
        ({"since": float("nan"), "poll": 5.0}, "since"),
        ({"poll": 5, "verify": "github"}, "poll"),
        ({"verify": "hmac-md5:X-Sig"}, "--verify"),
        ({"paths": {"kind": "x"}}, "paths: kind=x: expected .* id, type"),
        ({"secret": ["", "x"]}, "secret"),
        ({"verify": "standard-webhooks", "secret": "no base64!"}, "secret: .* not base64"),
        ({"name": ""}, "name"),
        ({"ordered": 1}, "ordered"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(shop: Shop, options: dict[str, Any], message: str) -> None:
    """Before anything listens."""
    with shop.host() as host, pytest.raises(UsageError, match=message):
        host.webhooks(shop.script(MAKE), **{"secret": SECRET, **options})


def test_without_a_secret_only_the_simulator_on_this_machine_is_believed(shop: Shop, post: Post) -> None:
    """A real host refuses to listen; a simulated one takes unsigned events."""
    from host import Host

    with (
        Host(stripe_secret_key="sk_test_4eC39HqLyjWDarjtT1zdp7dc", journal=shop.folder / "j.sqlite") as host,
        pytest.raises(ConfigError, match="no secret"),
    ):
        host.webhooks(shop.script(MAKE))
    with shop.host() as host:
        assert post(host.webhooks(shop.script(MAKE), tell=shop.tell), body(), {}).status_code == 200
        assert shop.wait(1) == ["evt_1 done"]


def test_the_setting_names_the_secret_and_it_is_never_shown(shop: Shop, post: Post) -> None:
    """Of the environment, .env or an argument; several with commas between."""
    with shop.host(stripe_webhook_secret=f"whsec_old,{SECRET}") as host:
        assert SECRET not in repr(host.settings)
        hooks = host.webhooks(shop.script("on('*', function() print(secret) end)"), run={"globals": None})
        assert post(hooks, body()).status_code == 200
        assert post(hooks, body(), signed(body(), "whsec_x")).status_code == 400


@pytest.mark.parametrize("object", ["in_\0", "\x1b[2J", "x" * 300])
def test_an_object_of_an_odd_id_is_one_without_an_order(shop: Shop, opened: Opened, post: Post, object: str) -> None:
    """Handled all the same."""
    assert post(opened(MAKE, ordered=True), body(object=object)).status_code == 200
    assert shop.wait(1) == ["evt_1 done"]


def test_closed_webhooks_send_the_sender_elsewhere(opened: Opened, post: Post) -> None:
    """503: an event that nobody would handle is not acknowledged, nor is the application's log full of tracebacks."""
    hooks = opened(MAKE)
    hooks.close()
    assert post(hooks, body()).status_code == 503
    assert hooks.inbox.counts() == {}


def test_a_server_s_lifespan_starts_and_closes_them(shop: Shop, opened: Opened, post: Post) -> None:
    """Served as an application of its own: what was left is handled before the first request, and then no more."""
    hooks = opened(MAKE)
    asyncio.run(hooks.inbox.add([ReceivedEvent("evt_0", "invoice.paid", "", 0.0, body("evt_0").decode())]))
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        if len(messages) == 1:
            await asyncio.to_thread(shop.wait, 1)
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(hooks({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert shop.wait(1) == ["evt_0 done"]
    assert post(hooks, body()).status_code == 503


def test_an_event_that_another_listener_has_does_not_hold_up_those_behind_it(
    shop: Shop, opened: Opened, post: Post
) -> None:
    """One handler takes long; a second listener on the journal, with room for one, passes it by."""
    slow = opened('on("*", function(event) new_product():name(event.id):create() sleep(60) end)', concurrency=1)
    post(slow, body("evt_1", created=1))
    while not shop.names():
        post(slow, body("evt_1", created=1))
    with shop.host() as host:
        quick = host.webhooks(shop.script(MAKE), secret=SECRET, tell=shop.tell, concurrency=1)
        post(quick, body("evt_2", created=2))
        assert shop.wait(1) == ["evt_2 done"]
        assert quick.inbox.counts() == {"waiting": 1, "done": 1}
    slow.close(0.0)


def test_leaving_an_event_to_others_takes_nothing_from_them(opened: Opened) -> None:
    """Neither the attempts they counted nor the delay they gave it."""
    inbox = opened(MAKE).inbox

    async def both() -> None:
        await inbox.add([ReceivedEvent("evt_1", "x.y", "", 0.0, "{}")])
        (read,) = inbox.due(1, ordered=False)
        await inbox.put_off(read, 60)
        await inbox.leave(read, 0)
        assert inbox.due(1, ordered=False) == []
        await inbox.put_off(read, -1)
        await inbox.leave(read, 0)
        assert [each.attempts for each in inbox.due(1, ordered=False)] == [1]

    asyncio.run(both())
