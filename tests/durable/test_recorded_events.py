"""Recorded runs told again as events: the same calls as those of the run, and a page of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from host import Host
from host.cli import main
from host.durable.chosen_journal import open_journal
from host.durable.recorded_events import recorded_events
from host.events import CallEnded, CallStarted, Event, Logged, RunEnded, RunStarted
from host.policy.redaction import Redactor
from tests.report.chromium import dom_of, needs_chromium

SCRIPTS = {
    "changes and reads": """
      local id = new_product():name("x"):create()
      assert(stripe.products.retrieve(id).id == id)
      return id""",
    "tasks": """
      map({1, 2, 3}, function(i) sleep(i / 1000) return new_product():name("p" .. i):create() end)
      parallel(function() stripe.products.list{} end, function() new_customer():create() end)""",
    "errors": """
      pcall(stripe.products.retrieve, "prod_no")
      pcall(stripe.prices.create, {currency = "zzz", product = "prod_no", unit_amount = 1})
      new_customer():email("a@x"):create()
      stripe.customers.retrieve("cus_no")""",
    "functions and pages": """
      for i = 1, 3 do new_product():name("p" .. i):create() end
      for p in stripe.products.list{limit = 2}:each() do add(1, 2) end""",
    "none": "return 1",
}


def told(run_id: str, journal: Path, undone: tuple[str, ...] = ()) -> list[Event]:
    """What the journal tells of a run."""
    book = open_journal(str(journal))
    try:
        run = book.run(run_id)
        assert run is not None
        return list(recorded_events(run, book.records(run_id), Redactor(), undone))
    finally:
        book.close()


def calls(events: list[Event]) -> list[tuple[Any, ...]]:
    """Each call with its task, line and how it ended, in no order of time. Sleeps are told by recorded runs alone."""
    open_ = {event.call_id: event for event in events if isinstance(event, CallStarted) and event.operation != "sleep"}
    found = []
    for event in events:
        if isinstance(event, CallEnded) and (begun := open_.pop(event.call_id, None)) is not None:
            kind = None if event.error is None else event.error["kind"]
            found.append((begun.task, begun.operation, begun.line or 0, event.result, kind))
    assert open_ == {}
    return sorted(found, key=str)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_journal_gives_the_calls_of_the_run(tmp_path: Path, name: str) -> None:
    """Operations, lines, tasks, results and errors are those the run's own sinks heard; times only go on."""
    heard: list[Event] = []
    with Host(simulate=True, journal=str(tmp_path / "j.sqlite"), sinks=[heard.append]) as host:

        @host.function(effect="read")
        async def add(a: int, b: int) -> int:
            return a + b

        result = host.run_source(SCRIPTS[name], run_id="r")
    found = told("r", tmp_path / "j.sqlite")
    assert calls(found) == calls(heard)
    assert isinstance(found[0], RunStarted)
    assert isinstance(found[-1], RunEnded)
    assert found[0].source == SCRIPTS[name]
    assert (found[-1].error is None) == (result.error is None)
    assert all(event.duration >= 0 for event in found if isinstance(event, CallEnded | RunEnded))
    assert max(event.at for event in found[:-1]) <= found[-1].at + 1


def test_what_was_gone_on_with_says_so_and_keys_are_shown(tmp_path: Path) -> None:
    """A run that failed and was resumed has each change once, with its idempotency key; what was undone is said."""
    with Host(simulate=True, journal=str(tmp_path / "j.sqlite")) as host:
        code = 'new_product():name("a"):create() if not args[1] then error("halt") end'
        assert host.run_source(code, run_id="r").error is not None
        assert host.resume("r").error is not None
    found = told("r", tmp_path / "j.sqlite", ("call 1 of task 1",))
    (ended,) = [event for event in found if isinstance(event, CallEnded)]
    assert ended.result is not None
    assert ended.result.endswith(", undone")
    assert ended.detail is not None
    assert ended.detail["request"]["headers"][0][0] == "Idempotency-Key"
    assert [event.text for event in found if isinstance(event, Logged)] == ["the run was resumed"]


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch of two rows, of which one fails after its change; its journal."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text("name\nAnn\n</script><script>\n")
    script = """
      local metadata = {name = row.name, password = "hushhush"}
      local m = stripe.payment_intents.create{amount = 100, currency = "usd", metadata = metadata}
      if not rows.first then error("halt </script>") end
      return m.id"""
    (tmp_path / "pay.lua").write_text(script)
    given = ("--journal", "j.sqlite", "--run-id", "b", "--each", "r.csv", "--jobs", "1")
    assert main(["run", "--simulate", *given, "pay.lua"]) == 1
    return tmp_path / "j.sqlite"


def test_a_batch_is_one_page_without_secrets(batch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`runs show ID --html FILE` writes all its runs, masks what is private, and says what it wrote."""
    capsys.readouterr()
    assert main(["runs", "show", "b", "--journal", str(batch), "--html", "page.html"]) == 0
    assert capsys.readouterr().out == "page.html: 2 calls of 2 runs\n"
    page = Path("page.html").read_text()
    assert page.count('"event": "call_ended"') == 2
    assert "_secret_" not in page
    assert "hushhush" not in page.replace('password = \\"hushhush', "")
    assert page.count("</script>") == 2


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (("--html", "no/where/page.html"), 3, "--html no/where/page.html cannot be written: No such file or directory"),
        (("--html", "page.html", "--json"), 2, "--json prints to stdout and --html writes a file"),
        (("--html", "/dev/full"), 3, "--html /dev/full cannot be written: No space left on device"),
    ],
)
def test_what_cannot_be_written_is_said(
    batch: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], status: int, said: str
) -> None:
    """The file, and why."""
    assert main(["runs", "show", "b", "--journal", str(batch), *given]) == status
    assert said in capsys.readouterr().err


@needs_chromium
def test_the_page_opens_in_a_browser(batch: Path) -> None:
    """Its program runs, counts the calls, and shows the one that is chosen with its line and key."""
    assert main(["runs", "show", "b", "--journal", str(batch), "--html", "page.html"]) == 0
    dom = dom_of(Path("page.html").absolute(), "#call=1")
    assert "2 of 2 calls" in dom
    assert re.search(r"<mark[^>]*>\s+3  ", dom)
    assert "Idempotency-Key" in dom
    assert "pi_" in dom
