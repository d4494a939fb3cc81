"""What is told of a handler script without running it."""

from __future__ import annotations

import pytest

from host.errors import ScriptError
from host.run.handler_check import check_handlers
from host.run.script import Script

EVENTS = ("invoice.paid", "invoice.payment_failed", "customer.created", "customer.subscription.deleted")

GOOD = [
    'on("invoice.paid", f)',
    "on('invoice.*', f)",
    'on("*", f)',
    'on("v1.billing.meter.error_report_triggered", f)',
    'on("v2.core.account.created", f)',
    "on(name, f)",
    'on("invoice." .. kind, f)',
    'on("invoice.\\112aid", f)',
    "on([[invoice.paid]], f)",
    'local handle = on\nhandle("invoice.paid", f)',
    "for _, name in ipairs(names) do on(name, f) end",
    'require("handlers.billing")',
    "load(\"on('*', print)\")()",
    'emitter.on("nothing", f) emitter:on("nothing", f) on("*", f)',
    '-- on("nothing", f)\n--[[ on("nothing", f)\non("nothing", f) ]]\n--[==[ ]] on("nothing", f) ]==]\non("*", f)',
    'local t = "on(\\"nothing\\", f)"\nlocal u = \'on("nothing", f)\'\nlocal v = [[on("nothing", f)]]\non("*", f)',
    'local t = {on = 1}\nt.on = 2\non("*", f)',
    "#!/usr/bin/env luahost\non('*', f)",
]

BAD = [
    ("on('invoice.paid', function(e) print(e.id end)", 1, "syntax", "expected"),
    ("on('invoice.paid', print)\n\nif x then\n", 4, "syntax", "'end' expected"),
    ("on('invoice.paid' print)", 1, "syntax", "')' expected"),
    ("\x1bLJ\x02", 1, "syntax", "bytecode"),
    ("on('*', print)\non('invoice.payd', print)", 2, "invalid", 'did you mean "invoice.paid"'),
    ("\n\n\ton(\n'customer.deletd'\n, print)", 3, "invalid", "customer.deletd"),
    ("--[[\n\n]] on('*', f) on('charge.*', f)", 3, "invalid", "charge.*"),
    ('local x = "a\\\nb"\non("nothing", f)', 3, "invalid", "nothing"),
    ("print(1)", None, "invalid", "no on(…)"),
    ("local t = {} t.one = 'on'", None, "invalid", "no on(…)"),
]


@pytest.mark.parametrize("text", GOOD)
def test_what_may_handle_an_event_is_let_through(text: str) -> None:
    """Names that are known, that are computed, that are somebody else's, in comments and in texts."""
    check_handlers(Script.of(text, "h.lua"), EVENTS)


@pytest.mark.parametrize(("text", "line", "kind", "words"), BAD)
def test_what_cannot_handle_one_is_told_with_its_line(text: str, line: int | None, kind: str, words: str) -> None:
    """The kind of error that the first event would have met, and the place."""
    with pytest.raises(ScriptError) as caught:
        check_handlers(Script.of(text, "h.lua"), EVENTS)
    assert (caught.value.line, caught.value.kind, caught.value.script) == (line, kind, "h.lua")
    assert words in str(caught.value)
    assert str(caught.value).startswith("h.lua:")


def test_of_other_senders_every_name_may_be_one() -> None:
    """Nobody has a list of their events."""
    check_handlers(Script.of('on("push", print)', "h.lua"), ())


def test_a_long_text_is_looked_through_in_time_that_is_proportional_to_it() -> None:
    """Half a megabyte that looks like the beginning of much: no mark is tried again and again."""
    for piece in ("--[==[ ]=] ", "[=[ ]] ", "on(", "'\\'", "on ( "):
        check_handlers(Script.of("-- " + piece * 50_000 + "\n" + "-- [=[ \n" * 10_000 + "on('*', f)", "h.lua"), EVENTS)
