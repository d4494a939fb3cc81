"""Batches of submitted runs: what they do once is done once for all of them, over all workers."""

from __future__ import annotations

from collections.abc import Callable

from host import Host
from host.durable.once_log import OnceLog
from host.fleet import jobs
from host.fleet.fleet import Placing
from host.run.options import RunOptions
from host.run.script import Script
from tests.fleet.machines import KEY, Ledger, Process, rows, until, working

Api = tuple[Ledger, str]
Start = Callable[..., Process]
SHARED = """
local id = once(function()
  local first
  for n = 1, tonumber(args[1] or 1) do
    local made = new_product():name("shared " .. n)
    made:create()
    first = first or made.id
  end
  return first
end)
new_product():name("own " .. row):create()
return id
"""


def _submit(host: Host, batch: str, count: int, *args: str) -> list[str]:
    made = ({"row": n} for n in range(count))
    return list(host.fleet.submit_many(Script.of(SHARED), RunOptions(args=args), Placing(), made, batch))


def test_what_a_batch_does_once_is_done_once_over_all_workers(submitter: Host, api: Api, url: str) -> None:
    """Of rows that a program gives, also where they say nothing of a file; another batch does it for itself."""
    with (
        Host(database=url, stripe_secret_key=KEY, stripe_api_base=api[1], run_lease=2) as other,
        working(submitter, concurrency=4),
        working(other, concurrency=4),
    ):
        for batch in ("one", "two"):
            given = {submitter.fleet.handle(each).result(60).value for each in _submit(submitter, batch, 12)}
            assert len(given) == 1
    names = api[0].products()
    assert names.count("shared 1") == 2
    assert len([name for name in names if name.startswith("own")]) == 24


def test_a_run_that_all_wait_for_is_taken_over_also_where_there_is_no_place(
    submitter: Host, api: Api, worker: Start, url: str
) -> None:
    """The worker that does something once is killed, and the only place of the other has a run that waits for it."""
    first = worker(more=["--concurrency", "1"])
    ids = _submit(submitter, "mail", 2, "200")
    until(lambda: api[0].arrived >= 2, "something done once")
    second = worker(more=["--concurrency", "1"])
    until(
        lambda: rows(url, "SELECT 1 FROM luahost_job WHERE id = 'mail.2' AND worker = %s", second.name),
        "a run that waits",
    )
    first.kill()
    made = [submitter.fleet.handle(each).result(90) for each in ids]
    assert [each.error for each in made] == [None, None]
    assert made[0].value == made[1].value is not None
    assert [name for name in api[0].products() if name.startswith("own")] == ["own 0", "own 1"]
    assert api[0].products().count("shared 7") == 1


def test_a_run_that_is_cancelled_while_others_wait_fails_what_it_did_once(submitter: Host, api: Api, url: str) -> None:
    """Nobody waits for ever: they are told which run it was, and how to go on."""
    with working(submitter, concurrency=2):
        ids = _submit(submitter, "mail", 2, "2000")
        until(lambda: api[0].arrived >= 3, "something done once")
        (doer,) = (each for each in ids if submitter.durable_runs.journal.records(each))
        (waiting,) = set(ids) - {doer}
        jobs.cancel(submitter.fleet.database, doer)
        error = submitter.fleet.handle(waiting).result(60).error
    assert error is not None
    assert f"was done by run {doer}, and failed" in str(error)


def test_a_claim_that_is_seen_before_its_run_is_no_claim_of_a_run_that_is_over(submitter: Host) -> None:
    """What a run claims is committed at once, its own beginning a little later: meanwhile others wait for it."""
    (run,) = _submit(submitter, "mail", 1)
    log = OnceLog(submitter.durable_runs.journal, "mail", lambda run: jobs.is_to_come(submitter.fleet.database, run))
    assert log.claim("key", run)
    assert log.state(run) == "queued"
    assert log.state("mail.9") == "over"
    jobs.cancel(submitter.fleet.database, run)
    assert log.state(run) == "over"
