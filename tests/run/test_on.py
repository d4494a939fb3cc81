"""``on``: what a handler script does about the event it is run for."""

from __future__ import annotations

from typing import Any

import pytest

from host import Host
from host.run.event_names import matches

PAID = {"id": "evt_1", "object": "event", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}


def handled(host: Host, code: str, event: Any = PAID) -> str:
    result = host.run_source(code, globals={"event": event})
    result.raise_for_error()
    return result.output


def test_all_that_match_run_in_their_order_once_the_script_has_ended(host: Host) -> None:
    """By name, by wildcard and by both; with what is defined only after them."""
    code = """
      on("invoice.paid", function(event) print("name", late(event)) end)
      on("customer.*", function() print("never") end)
      on("invoice.*", function(event) print("family", event.type) end)
      on("*", function(event) print("all", event.object.id) end)
      function late(event) return event.data.object.id end
      print("script")
    """
    assert handled(host, code).split("\n")[:-1] == ["script", "name\tin_1", "family\tinvoice.paid", "all\tin_1"]


def test_a_handler_calls_waits_and_spawns_like_any_script(host: Host) -> None:
    """One handler begins when the one before has ended."""
    code = """
      on("*", function() sleep(0.01) parallel(function() new_product():name("a"):create() end) print("first") end)
      on("*", function() print("second") end)
    """
    assert handled(host, code) == "first\nsecond\n"


def test_a_module_may_have_handlers(host: Host, tmp_path: Any) -> None:
    """``on`` in a file that the script requires."""
    (tmp_path / "mail.lua").write_text('on("invoice.paid", function(event) print("module", event.id) end)')
    (tmp_path / "main.lua").write_text('require "mail"')
    assert host.run(tmp_path / "main.lua", globals={"event": PAID}).output == "module\tevt_1\n"


@pytest.mark.parametrize(
    ("code", "message", "line"),
    [
        ("\non('invoice.payd', print)", 'there is no event "invoice.payd"; did you mean "invoice.paid"?', 2),
        ("on('custmer.*', print)", 'there is no event "custmer.*"', 1),
        ("on(5, print)", "an event's name", 1),
        ("on('', print)", "an empty text", 1),
        ("on('invoice.paid')", "expects a function that takes the event, got nothing", 1),
        ("on('*', 'x')", "got a string", 1),
        (f"on('{'*' * 300}', print)", "300 characters; expected at most 200", 1),
        ("on('*', function()\non('*', print) end)", "the handlers run already", 2),
        ("on('*', function()\n\nerror('boom') end)", "boom", 3),
    ],
)
def test_a_mistake_is_shown_at_its_line(host: Host, code: str, message: str, line: int) -> None:
    """Names of no event, no function, handlers within handlers; and a handler's own error."""
    error = host.run_source(code, globals={"event": PAID}).error
    assert error is not None
    assert message in error.message
    assert error.line == line


@pytest.mark.parametrize("given", [None, {"event": 5}, {"event": {"id": "evt_1"}}, {"event": {"type": 7}}])
def test_without_an_event_on_says_who_gives_one(host: Host, given: dict[str, Any] | None) -> None:
    """A handler script that is run like any other."""
    error = host.run_source("on('*', print)", globals=given).error
    assert error is not None
    assert error.message == "on: there is no event to handle"
    assert "python -m host listen" in (error.hint or "")


def test_a_script_that_fails_before_its_end_runs_no_handler(host: Host) -> None:
    """Half a script's handlers are not a script's."""
    result = host.run_source("on('*', function() print('x') end) error('no')", globals={"event": PAID})
    assert result.error is not None
    assert result.output == ""


def test_events_of_other_senders_may_have_any_name(host: Host) -> None:
    """Only names of Stripe's events are known, so only they can be wrong."""
    event = {"id": "1", "type": "issues", "action": "opened"}
    assert (
        handled(host, "on('issues', function(event) print(event.action) end) on('nothing', print)", event) == "opened\n"
    )
    thin = {"id": "evt_1", "type": "v1.billing.meter.no_meter_found"}
    assert handled(host, "on('v1.billing.*', function(event) print(event.id) end)", thin) == "evt_1\n"


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("*", "", True),
        ("a.*", "a.", True),
        ("a.*", "a", False),
        ("*.b", "a.b", True),
        ("a*c*e", "abcde", True),
        ("a*c*e", "aec", False),
        ("ab*ba", "aba", False),
        ("a.b", "axb", False),
        ("a%.*", "a%.b", True),
        ("*a*a*a*a*b" * 20, "a" * 200, False),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, name: str, fits: bool) -> None:
    """Dots included, and nothing else is special; in no time that grows out of hand."""
    assert matches(pattern, name) is fits
