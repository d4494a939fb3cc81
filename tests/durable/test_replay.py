"""Durable runs: what is recorded is not done again, and what was not is done once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from host import Host, JournalError, RunResult, UsageError
from host.durable.journal import BeingRun, Journal
from host.events import CallStarted, Logged
from host.simulator.fault_injection import Faults, Rates
from tests.durable.lab import Lab

WAYS = """
local made, out = {}, {}
local function product(n) made[n] = new_product():name("p" .. n):create() return made[n] end
product(1)
parallel(function() product(2) end, function() sleep(0.001) product(3) end)
local queue = {4, 5, 6, 7}
local function worker() while #queue > 0 do product(table.remove(queue, 1)) end end
parallel(worker, worker)
local slow = spawn(function() sleep(30) end)
local quick = spawn(product, 8)
wait_any(slow, quick)
slow:cancel()
pcall(with_timeout, 0.001, sleep, 5)
out[1] = pcall(function() return new_price():product("none"):currency("usd"):amount(1):create() end)
table.sort({3, 1, 2}, function(a, b) if not made[9] then product(9) end return a < b end)
local co = coroutine.wrap(function() coroutine.yield(product(10)) end)
out[2] = co() == made[10]
for each in stripe.products.list{limit = 4}:each() do out[#out + 1] = each.name end
print(#made, #out)
return {made, out}
"""


def test_broken_off_at_any_record_it_goes_on_to_the_same_end(lab: Lab) -> None:
    """Whatever beginning of the log is left, the run comes to the same value and makes nothing more."""
    whole = lab.run(WAYS)
    assert whole.error is None
    assert lab.made() == 10
    length = len(lab.log())
    rows = lab.sql("SELECT * FROM luahost_record")
    for after in range(length):
        lab.sql("DELETE FROM luahost_record")
        for row in rows:
            lab.sql(f"INSERT INTO luahost_record VALUES ({', '.join('?' * len(row))})", *row)
        lab.break_off(after)
        again = lab.resume()
        assert again.error is None, (after, again.error, again.error.hint)
        assert again.value == whole.value, after
        assert again.output == whole.output
        assert lab.made() == 10, after
    assert lab.api.requests > 10  # those without a recorded answer were asked again, with their keys


def test_what_is_different_each_time_is_recorded(lab: Lab) -> None:
    """Time, date, clock, random numbers and memory are told again as they were."""
    code = """
      local seen = {os.time(), os.date("%H%M%S"), os.clock(), math.random(1e9), collectgarbage("count")}
      for _, given in ipairs{args[1], env.X, tier} do seen[#seen + 1] = given end
      new_product():name(table.concat(seen, " ")):create()
      return seen
    """
    from host.policy.permissions import Permissions

    with lab.host(env={"X": "first"}, permissions=Permissions(env=["X"])) as host:
        whole = host.run_source(code, run_id="r", args=["a"], globals={"tier": "gold"})
    assert whole.error is None
    assert whole.value[5:] == ["a", "first", "gold"]
    lab.break_off(len(lab.log()) - 1)
    with lab.host(env={"X": "second"}, permissions=Permissions(env=["X"])) as host:
        assert host.resume("r").value == whole.value


def test_output_and_calls_are_shown_once(lab: Lab) -> None:
    """What was printed before the break is in the result, but not told again; nor are its calls."""
    code = """
      print("one") new_product():name("a"):create()
      print("two") new_product():name("b"):create()
      print("three")
    """
    lab.run(code)
    lab.break_off(lab.seq("answer", "stripe.products.create") + 1)  # the second create was sent
    lab.events.clear()
    result = lab.resume()
    assert result.output == "one\ntwo\nthree\n"
    assert lab.printed() == "three\n"
    assert [event.operation for event in lab.events if isinstance(event, CallStarted)] == ["stripe.products.create"]


def test_a_done_run_gives_its_result(lab: Lab) -> None:
    """The same command again does nothing and says the same."""
    first = lab.run('return new_product():name("a"):create()')
    asked = lab.api.requests
    assert lab.run('return new_product():name("a"):create()').value == first.value
    assert lab.resume().value == first.value
    assert lab.api.requests == asked


def test_another_way_is_named(lab: Lab, tmp_path: Path) -> None:
    """A script that was changed before its last recorded call stops, with line, call and both names."""
    script = tmp_path / "s.lua"
    script.write_text('new_product():name("a"):create()\nlocal x = new_coupon():percent_off(5):create()\nsleep(0.001)')
    with lab.host() as host:
        assert host.run(script, run_id="r").error is None
    made = lab.made()
    product = "call 1 of task 1, stripe.products.create (line 1)"
    for text, message, line in [
        ('new_product():name("b"):create()', f"{product}, has other arguments", 1),
        (
            "\n\nnew_customer():create()",
            "stripe.products.create (line 1) and is now stripe.customers.create",
            3,
        ),
        ('new_product():name("a"):create()', "ended before call 2 of task 1, stripe.coupons.create", None),
    ]:
        lab.break_off(4)
        script.write_text(text)
        error = lab.resume().error
        assert error is not None
        assert error.kind == "diverged"
        assert message in error.message
        assert error.line == line
        assert "--force-new" in (error.hint or "")
        assert lab.made() == made
    lab.break_off(4)
    assert lab.resume(recorded=True).error is None
    assert lab.made() == made


def test_a_mended_script_goes_on_from_its_failure(lab: Lab, tmp_path: Path) -> None:
    """A change behind what is recorded is taken: the fault is mended and nothing is done twice."""
    script = tmp_path / "s.lua"
    script.write_text('local id = new_product():name("a"):create()\nerror("a fault")')
    with lab.host() as host:
        assert "a fault" in str(host.run(script, run_id="r").error)
    price = 'return new_price():product(id):currency("usd"):amount(5):create()'
    script.write_text('local id = new_product():name("a"):create()\n' + price)
    assert lab.resume().value.startswith("price_")
    assert [kind for kind, _ in lab.api.ledger()] == ["product", "price"]


def test_a_passing_failure_is_tried_again(lab: Lab) -> None:
    """A run that an API's error ended asks again for that call when it is resumed, with its key."""
    with lab.host() as host:
        lab.api._faults = Faults(Rates(error_before=1.0))
        failed = host.run_source('return new_product():name("b"):with{retries=0}:create()', run_id="r")
    assert failed.error is not None
    assert failed.error.kind == "api"
    lab.api._faults = None
    assert lab.resume().value.startswith("prod_")
    assert lab.made() == 1


def test_a_change_in_doubt_waits_for_a_decision(lab: Lab) -> None:
    """Sent, unanswered, and a day old: nothing is done unless somebody says skip or repeat."""
    code = """
      local product = new_product():name("a")
      local ok, found = pcall(product.create, product)
      return ok and found or found.outcome
    """
    id = lab.run(code).value
    asked = lab.api.requests

    def later(**more: Any) -> RunResult:
        lab.break_off(lab.seq("sent", "stripe.products.create"))
        with lab.host() as host:
            host.durable_runs.journal.clock = lambda: time.time() + 25 * 3600
            return host.resume("r", **more)

    error = later().error
    assert error is not None
    assert error.kind == "in doubt"
    assert "stripe.products.create (call 1 of task 1)" in error.message
    assert "--in-doubt skip" in (error.hint or "")
    assert later(in_doubt="skip").value == "unknown"
    assert lab.api.requests == asked
    assert later(in_doubt="repeat").value == id  # the simulator's day has not passed
    assert lab.made() == 1


def test_a_clock_that_went_back_leaves_a_change_in_doubt(lab: Lab) -> None:
    """The age of a key cannot be told when the clock stands before the time it was used."""
    lab.run('new_product():name("a"):create()')
    lab.break_off(lab.seq("sent", "stripe.products.create"))
    with lab.host() as host:
        host.durable_runs.journal.clock = lambda: time.time() - 3600
        error = host.resume("r").error
    assert error is not None
    assert error.kind == "in doubt"


def test_a_function_that_writes_is_in_doubt_at_once_and_one_that_reads_is_not(lab: Lab) -> None:
    """What has no key is never repeated by itself; a read is."""
    calls: list[str] = []

    def with_functions(work: Callable[[Host], RunResult]) -> RunResult:
        with lab.host() as host:

            @host.function
            async def pay(to: str) -> str:
                calls.append(to)
                return f"paid {to}"

            @host.function(effect="read")
            async def look(at: str) -> str:
                calls.append(at)
                return f"saw {at}"

            return work(host)

    whole = with_functions(lambda host: host.run_source('return {look("x"), pay("y")}', run_id="r"))
    assert whole.value == ["saw x", "paid y"]
    lab.break_off(lab.seq("sent", "pay"))
    error = with_functions(lambda host: host.resume("r")).error
    assert error is not None
    assert error.kind == "in doubt"
    assert calls == ["x", "y"]
    lab.break_off(0)
    assert with_functions(lambda host: host.resume("r")).value == whole.value
    assert calls == ["x", "y", "x", "y"]


def test_a_change_given_up_is_recorded_and_not_sent_again(lab: Lab) -> None:
    """Interrupted while a change is under way: it is let finish, its answer kept, and resuming takes that."""
    code = 'local id = new_product():name("a"):create() print(id) return id'
    lab.api.gate.clear()
    host = lab.host()
    results: list[RunResult] = []
    runner = threading.Thread(target=lambda: results.append(host.run_source(code, run_id="r")))
    runner.start()
    assert lab.api.entered.wait(10)
    host.interrupt()
    lab.api.gate.set()
    runner.join()
    host.close()
    assert results[0].error is not None
    assert results[0].error.kind == "interrupted"
    assert [kind for _, kind, _ in lab.log()] == ["sent", "late"]
    asked = lab.api.requests
    assert lab.resume().value.startswith("prod_")
    assert lab.api.requests == asked


def test_a_sleep_goes_on_where_it_was(lab: Lab) -> None:
    """An hour's sleep that began an hour ago is over."""
    lab.run('new_product():name("a"):create() local t = spawn(sleep, 3600) sleep(0.001) t:cancel() return "x"')
    lab.break_off(lab.seq("sent", "sleep"))
    lab.sql("UPDATE luahost_record SET at = at - 3600 WHERE name = 'sleep'")
    assert lab.resume(timeout=20).value == "x"


def test_a_run_goes_on_only_where_it_began(lab: Lab, tmp_path: Path) -> None:
    """Not a simulated one for real, not with another API's address, not with another key unless told."""
    lab.run('new_product():name("a"):create()')
    lab.break_off(1)
    real = {"stripe_secret_key": "sk_test_aaaaaaaaaaaaaaaa", "journal": lab.path}
    with Host(stripe_api_base="http://127.0.0.1:9", **real) as host:
        with pytest.raises(JournalError, match="is a simulated run and would continue as a test one"):
            host.resume("r")
        assert host.run_source('error("x")', run_id="real").error is not None
    with (
        lab.host() as host,
        pytest.raises(JournalError, match="is a test run and would continue as a simulated one"),
    ):
        host.resume("real")
    with (
        Host(stripe_api_base="http://127.0.0.1:10", **real) as host,
        pytest.raises(JournalError, match=r"127\.0\.0\.1:9 and"),
    ):
        host.resume("real")
    other = {**real, "stripe_secret_key": "sk_test_bbbbbbbbbbbbbbbb"}
    with Host(stripe_api_base="http://127.0.0.1:9", **other) as host:
        with pytest.raises(JournalError, match="another key"):
            host.resume("real")
        assert "x" in str(host.resume("real", other_key=True).error)
    live = {**real, "stripe_secret_key": "sk_live_aaaaaaaaaaaaaaaa"}
    with (
        Host(stripe_api_base="http://127.0.0.1:9", **live) as host,
        pytest.raises(JournalError, match="as a live one"),
    ):
        host.resume("real")
    assert b"aaaaaaaa" not in Path(lab.path).read_bytes()


def test_a_run_has_one_owner(lab: Lab) -> None:
    """Refused elsewhere while it runs; taken over when its lease has ended, and whoever had it must stop."""
    lab.api.gate.clear()
    first = lab.host()
    results: list[RunResult] = []

    def run_first() -> None:
        with suppress(BeingRun):  # or the result of the other, if it has it by then
            results.append(first.run_source(code, run_id="r"))

    code = 'new_product():name("a"):create() return new_product():name("b"):create()'
    runner = threading.Thread(target=run_first)
    runner.start()
    assert lab.api.entered.wait(10)
    with lab.host() as second, pytest.raises(JournalError, match="being run by another process"):
        second.resume("r")
    lab.sql("UPDATE luahost_run SET lease = 0")
    with lab.host() as second:
        follower = threading.Thread(target=lambda: results.append(second.resume("r")))
        follower.start()
        while not any(kind == "resumed" for _, kind, _ in lab.log()):
            pass
        lab.api.gate.set()
        follower.join()
        runner.join()
    first.close()
    assert {(result.value, result.error) for result in results} == {(results[0].value, None)}
    assert lab.made() == 2


def test_starting_over_keeps_what_was(lab: Lab) -> None:
    """--force-new makes everything again with new keys; the old log is kept under another name."""
    first = lab.run('return new_product():name("a"):create()').value
    second = lab.run('return new_product():name("a"):create()', force_new=True).value
    assert first != second
    assert lab.made() == 2
    book = Journal.open(lab.path)
    try:
        assert [(run.id, run.status) for run in book.runs()] == [("r", "done"), ("r~1", "replaced")]
        assert book.records("r~1")
    finally:
        book.close()


def test_starting_over_has_new_keys_where_the_run_was_deleted(lab: Lab) -> None:
    """Without --force-new a deleted run's keys give what it made; with it everything is made again."""
    code = 'return new_product():name("a"):create()'
    made = [lab.run(code).value]
    for how in ({}, {"force_new": True}, {"force_new": True}):
        book = Journal.open(lab.path)
        book.delete("r")
        book.close()
        made.append(lab.run(code, **how).value)
    assert made[1] == made[0]
    assert len(set(made)) == 3


def test_what_may_not_be_asked(lab: Lab) -> None:
    """Ids, arguments and runs that cannot be."""
    lab.run("return 1", args=["a"])
    with lab.host() as host:
        for id in ("", "a b", "../x", "x" * 101, "r~1"):
            with pytest.raises(UsageError, match="a run's id is"):
                host.run_source("return 1", run_id=id)
        with pytest.raises(UsageError, match="other arguments"):
            host.run_source("return 1", run_id="r", args=["b"])
        with pytest.raises(UsageError, match="there is no run nowhere"):
            host.resume("nowhere")


def test_tables_have_one_order(lab: Lab) -> None:
    """pairs and next go through lists, numbers, texts, booleans and tasks in this order, in every process."""
    code = """
      local t = spawn(function() end)
      local mixed = {10, 20, [2.5] = 1, [-1] = 1, b = 1, a = 1, [true] = 1, [false] = 1, [t] = 1}
      local keys = {}
      for key in pairs(mixed) do keys[#keys + 1] = tostring(key) end
      local steps, key = {}, nil
      repeat
        key = next(mixed, key)
        steps[#steps + 1] = tostring(key)
      until key == nil
      table.remove(steps)
      assert(table.concat(steps, " ") == table.concat(keys, " "))
      for key in pairs(mixed) do mixed[key] = nil end
      assert(next(mixed) == nil and next({}) == nil)
      local ok, why = pcall(pairs, {[{}] = 1, [{}] = 2})
      local one = pcall(pairs, {[{}] = 1})
      return {table.concat(keys, " "), ok, one, why, tostring({}) ~= tostring({}),
        tostring({}):match("0x%d+")}
    """
    value = lab.run(code).value
    assert value[0] == "1 2 -1 2.5 a b false true task 1.1 (running)"
    assert value[1:3] == [False, True]
    assert "no fixed order" in value[3]
    assert value[4:] == [True, "0x00000003"], "addresses are numbers in their order of appearance"


@pytest.mark.parametrize("effect", ["read", "pure"])
def test_an_iterator_goes_on_behind_what_it_gave(lab: Lab, effect: Any) -> None:
    """Broken off at any record it begins anew, goes through the items of then, and no item is worked on twice."""
    code = 'for n in numbers() do new_product():name("p" .. n):create() end return "end"'
    asked: list[int] = []

    def with_numbers(work: Callable[[Host], RunResult], *given: int) -> RunResult:
        with lab.host() as host:

            @host.function(effect=effect)
            async def numbers() -> Any:
                for n in given or (1, 2, 3):
                    asked.append(n)
                    yield n

            return work(host)

    assert with_numbers(lambda host: host.run_source(code, run_id="r")).value == "end"
    rows = lab.sql("SELECT * FROM luahost_record")
    for after in range(len(rows)):
        lab.sql("DELETE FROM luahost_record")
        for row in rows:
            lab.sql(f"INSERT INTO luahost_record VALUES ({', '.join('?' * len(row))})", *row)
        lab.break_off(after)
        asked.clear()
        result = with_numbers(lambda host: host.resume("r"))
        assert (result.value, result.error) == ("end", None), after
        assert asked in ([1, 2, 3], []), after
        assert lab.made() == 3, after
    lab.break_off(lab.seq("answer", "stripe.products.create"))
    error = with_numbers(lambda host: host.resume("r"), 9, 2, 3).error
    assert error is not None
    assert "now gives other items than before" in error.message
    assert with_numbers(lambda host: host.resume("r")).value == "end"
    assert lab.made() == 3


def test_an_iterator_that_writes_is_not_begun_anew(lab: Lab) -> None:
    """Going through it again might do again what it does."""
    code = 'for n in numbers() do new_product():name("p" .. n):create() end return "end"'

    def with_numbers(work: Callable[[Host], RunResult]) -> RunResult:
        with lab.host() as host:

            @host.function
            async def numbers() -> Any:
                for n in (1, 2, 3):
                    yield n

            return work(host)

    assert with_numbers(lambda host: host.run_source(code, run_id="r")).value == "end"
    lab.break_off(lab.seq("answer", "stripe.products.create"))
    error = with_numbers(lambda host: host.resume("r")).error
    assert error is not None
    assert "might do again what it does" in error.message
    assert lab.made() == 3


@pytest.mark.parametrize(("code", "told"), [('return new_product():name("x"):create()', "info"), ("return 2", "warn")])
def test_a_run_that_is_done_is_told(tmp_path: Path, code: str, told: str) -> None:
    """It gives its result again; that a changed script was not run is a warning."""
    events: list[Logged] = []

    class Sink:
        def emit(self, event: Any) -> None:
            if isinstance(event, Logged):
                events.append(event)

    first = 'return new_product():name("x"):create()'
    with Host(simulate=True, journal=str(tmp_path / "j.sqlite"), sinks=[Sink()]) as host:
        made = host.run_source(first, run_id="r").raise_for_error().value
        assert host.run_source(code, run_id="r").raise_for_error().value == made
    assert [event.level for event in events] == [told]
    assert events[0].text.endswith("is done: this is its result, and nothing is done again")
