"""What a worker does with what it takes: needs, grants, cancelling, trying again, output, forgetting."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from host import FunctionError, Host, UsageError
from host.apis.stripe import load
from host.fleet import jobs
from host.fleet.needs import FORMAT, Needs, Offers, lacking, needs_of
from host.fleet.upkeep import Upkeep
from host.simulator.simulator import Simulator
from tests.fleet.machines import rows, until, working

PETS = {
    "openapi": "3.0.0",
    "info": {"title": "pets", "version": "1"},
    "servers": [{"url": "https://pets.example"}],
    "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "all"}}}}},
}


def test_a_worker_leaves_what_it_lacks_to_one_that_has_it(url: str) -> None:
    """A run that names an API and a function waits for a worker that has both; who waits is told what is missing."""
    shared = Simulator(load())
    with (
        Host(simulator=shared, database=url, run_lease=2) as knowing,
        Host(simulator=shared, database=url, run_lease=2) as other,
    ):
        knowing.add_api("petstore", PETS)

        @knowing.function(effect="read")
        async def lookup(id: str) -> str:
            return f"user {id}"

        with working(other) as told:
            handle = knowing.submit("local pets = petstore.request return lookup('7')")
            plain = knowing.submit("return 1")
            assert plain.result(20).value == 1, "what it has everything for it takes"
            with pytest.raises(TimeoutError) as caught:
                handle.result(0.1)
            assert "has no API petstore" in str(caught.value)
            assert "has no function lookup" in str(caught.value)
            until(lambda: any("has no API petstore" in line for line in told), "the worker says so")
            with working(knowing):
                assert handle.result(20).value == "user 7"


@pytest.mark.parametrize(
    ("needs", "offers", "said"),
    [
        (Needs(), Offers(), None),
        (Needs({"a": ""}), Offers({"a": "1"}), None),
        (Needs({"a": "1"}), Offers({"a": ""}), None),
        (Needs({"a": "1"}), Offers({"a": "1"}), None),
        (Needs({"a": "1"}), Offers({"a": "2"}), "its API a is another one"),
        (Needs({"a": ""}), Offers(), "it has no API a"),
        (Needs({}, {"f": "1"}), Offers({}, {"f": "2"}), "its function f is another one"),
        (Needs(mode="live"), Offers(mode="test"), "it is test, and the run was submitted as live"),
        (Needs(mode="test"), Offers(), "it is without a key, and the run was submitted as test"),
        (Needs(), Offers(mode="test"), None),
        (Needs(format=FORMAT + 1), Offers(), "its version of luahost is too old"),
        (Needs(records=4), Offers(records=3), "its version of luahost is too old"),
        (Needs(), Offers(format=FORMAT + 1, records=99), None),
    ],
)
def test_what_a_worker_lacks(needs: Needs, offers: Offers, said: str | None) -> None:
    """Names, what they stand for, the kind of key, and versions only where they must."""
    assert lacking(needs, offers) == ([] if said is None else [said])


def test_needs_are_what_a_script_names() -> None:
    """Of what is known, the names that stand in the texts; Stripe where a builder or its name does."""
    known = Offers({"stripe": "", "pets": "1"}, {"lookup": "2", "send": "3"}, "test")
    assert needs_of([b"new_price():create()"], known) == Needs({"stripe": ""}, {}, "test")
    assert needs_of([b"pets.list() lookup(1)", b"-- nothing"], known) == Needs({"pets": "1"}, {"lookup": "2"}, "test")
    assert needs_of([b"return petshop, sender"], known) == Needs()


def test_a_run_narrows_what_the_worker_grants_and_widens_nothing(url: str) -> None:
    """Neither side's refusal is lifted by the other's grant; the smaller budget holds."""
    create = "return (pcall(function() return new_product():name('x'):create() end))"
    with Host(simulate=True, database=url, permissions={"deny_ops": ["stripe.products.create"]}) as host, working(host):
        wide = host.submit(create, permissions={"allow_ops": ["*"]}).result(20)
        assert wide.value is False
    with Host(simulate=True, database=url, budget={"max_calls": 2}) as host, working(host):
        assert host.submit(create, permissions={"deny_ops": ["stripe.products.*"]}).result(20).value is False
        three = "local n = 0 for i = 1, 3 do if pcall(stripe.products.list) then n = n + 1 end end return n"
        assert host.submit(three, budget={"max_calls": 1}).result(20).value == 1
        assert host.submit(three, budget={"max_calls": 100}).result(20).value < 3


def test_an_error_comes_back_as_it_was_raised(host: Host) -> None:
    """What a program asks of a failed run it can ask of one that a worker ran: facts, and the exception behind it."""

    @host.function(effect="read")
    async def broken() -> None:
        raise KeyError("x")

    with working(host):
        for code in ("stripe.products.retrieve('prod_none')", "broken()", "error({kind = 'mine', n = 1})"):
            there, here = host.submit(code).result(20).error, host.run_source(code).error
            assert there is not None
            assert here is not None
            for name in ("message", "kind", "line", "hint", "status", "code", "exit_code"):
                assert getattr(there, name) == getattr(here, name), (code, name)
            assert there.facts.keys() == here.facts.keys()
            assert (there.cause is None) == (here.cause is None)
            if isinstance(here.cause, KeyError):
                assert isinstance(there.cause, FunctionError)
                assert there.cause.type == "KeyError"
        assert host.submit("return 1, nil, 3").result(20).values == (1, None, 3)


def test_cancelling_a_run_that_waits_and_one_that_runs(host: Host, url: str) -> None:
    """What waits is never begun; what runs ends at its next yield; what has ended is refused."""
    waiting = host.submit("return 1")
    assert waiting.cancel()
    with working(host):
        running = host.submit("print('here') for i = 1, 1000 do sleep(0.05) end")
        until(lambda: jobs.output(host.fleet.database, running.run_id)[0], "a run under way")
        assert running.cancel()
        result = running.result(20)
        assert result.error is not None
        assert (running.status, result.error.kind, result.output) == ("cancelled", "cancelled", "here\n")
        assert rows(url, "SELECT status FROM luahost_run WHERE id = %s", running.run_id) == [("cancelled",)]
        first = waiting.result(5)
        assert first.error is not None
        assert first.error.kind == "cancelled"
        assert not running.cancel()
        until(lambda: rows(url, "SELECT count(*) FROM procrastinate_jobs") == [(0,)], "an empty queue")


def test_a_run_whose_time_is_up_has_failed(host: Host) -> None:
    """It is not begun again by another worker: its time was the submitter's to say."""
    with working(host):
        handle = host.submit("print('here') sleep(60)", timeout=0.3)
        result = handle.result(20)
    assert result.error is not None
    assert (result.error.kind, handle.status, result.output) == ("timeout", "failed", "here\n")


def test_a_run_is_tried_again_from_where_it_is(host: Host) -> None:
    """``retry`` goes on with the run: what was made is not made again. What is done is not tried again."""
    goes_on: list[str] = []

    @host.function(effect="read")
    async def may_end() -> bool:
        return bool(goes_on)

    with working(host):
        handle = host.submit("local id = new_product():name('x'):create() print(id) "
                             "while not may_end() do sleep(0.02) end return id")  # fmt: skip
        database = host.fleet.database
        printed = until(lambda: jobs.output(database, handle.run_id)[0], "a run under way").decode()
        handle.cancel()
        assert handle.result(20).error is not None
        goes_on.append("yes")
        jobs.retry(database, handle.run_id)
        result = handle.result(20)
        assert f"{result.value}\n" == result.output == printed, "the product of the first attempt"
        found = jobs.job(database, handle.run_id)
        assert found is not None
        assert (found.status, found.attempts) == ("done", 2)
        with pytest.raises(UsageError, match="is done, and cannot be tried again"):
            jobs.retry(database, handle.run_id)


def test_output_is_there_while_the_run_goes_on(host: Host) -> None:
    """What is printed can be read before the run ends, and is all there afterwards, once."""
    with working(host):
        handle = host.submit("print('one') while not stop() do sleep(0.05) end print('two')".replace("stop()", "false"))
        until(lambda: jobs.output(host.fleet.database, handle.run_id)[0] == b"one\n", "output of a run under way")
        handle.cancel()
        assert handle.result(20).output == "one\n"
        long = host.submit("for i = 1, 40 do print(string.rep('x', 50000)) end").result(30)
    assert len(long.output) < (1 << 20) + 100
    assert long.output.endswith("[more was printed, and is not kept]\n")


def test_what_has_ended_is_forgotten_after_its_time(host: Host, url: str) -> None:
    """A done run leaves nothing behind; one that is due stays; texts go when nobody has them."""
    with working(host):
        assert host.submit("print('x') return 1").result(20).value == 1
    left = host.submit("return 2")
    Upkeep(host.fleet.database, 2.0, 0.0).do({})
    assert rows(url, "SELECT id FROM luahost_job") == [(left.run_id,)]
    for table in ("luahost_output", "luahost_run", "luahost_record"):
        assert rows(url, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows(url, "SELECT count(*) FROM luahost_text") == [(1,)]


def test_nothing_of_a_fleet_is_loaded_by_a_plain_run(tmp_path: Path) -> None:
    """Neither psycopg nor Procrastinate nor croniter is imported unless a fleet is asked for."""
    import subprocess
    import sys

    code = (
        "import sys; from host import Host; h = Host(simulate=True); h.run_source('return 1'); h.close(); "
        "print([n for n in sys.modules if n.split('.')[0] in ('psycopg', 'psycopg_pool', 'procrastinate', 'croniter')"
        " or n.startswith('host.fleet')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("code", ["return 'mine'", "return 'theirs'"])
def test_an_id_that_the_journal_has_already_is_not_taken_for_this_run(host: Host, code: str) -> None:
    """A run that was begun without the fleet keeps its result; the submitted one is stopped, and says why."""
    name = f"monday-{uuid4().hex}"
    theirs = host.run_source("return 'theirs'", args=["x"], run_id=name)
    with working(host):
        result = host.submit(code, run_id=name).result(30)
    assert result.error is not None
    assert name in result.error.message
    assert host.run_source("return 'theirs'", args=["x"], run_id=name).value == theirs.value == "theirs"
