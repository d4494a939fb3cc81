"""Errors as text: everything somebody needs to mend a script, and nothing of Python."""

from __future__ import annotations

from host.errors import ConfigError, ScriptError
from host.report.errors import describe, printable

SOURCE = "  2 | local b = 2\n> 3 | fail(a, b)\n  4 |"


def test_a_failed_call_is_shown_with_place_source_facts_request_and_hint() -> None:
    """Message, line, the source with a marker, the facts, the request id, the hint: in that order."""
    error = ScriptError(
        "Your card was declined.",
        script="pay.lua",
        line=3,
        source=SOURCE,
        kind="api",
        facts={
            "kind": "api",
            "status": 402,
            "code": "card_declined",
            "request_id": "req_1",
            "outcome": "rejected",
        },
        hint="use another card",
    )
    assert describe(error) == (
        "pay.lua:3: Your card was declined.\n"
        "\n"
        "    2 | local b = 2\n"
        "  > 3 | fail(a, b)\n"
        "    4 |\n"
        "\n"
        "  kind api · status 402 · code card_declined · outcome rejected\n"
        "  request req_1\n"
        "  hint: use another card"
    )


def test_a_place_already_in_the_message_is_not_said_twice() -> None:
    """Lua's own messages begin with the place."""
    error = ScriptError("pay.lua:3: attempt to call a nil value", script="pay.lua", line=3)
    assert describe(error) == "pay.lua:3: attempt to call a nil value"


def test_the_key_of_a_call_in_doubt_is_reported() -> None:
    """Where the outcome is unknown the idempotency key is needed to find out; else it is noise."""
    facts = {"kind": "network", "outcome": "unknown", "idempotency_key": "k1"}
    assert "idempotency key k1" in describe(ScriptError("reset", kind="network", facts=facts))
    facts["outcome"] = "rejected"
    assert "k1" not in describe(ScriptError("reset", kind="network", facts=facts))


def test_other_errors_are_message_and_hint() -> None:
    """A configuration error needs no more."""
    assert describe(ConfigError("no key", hint="set one")) == "no key\nhint: set one"
    assert describe(ConfigError("no key")) == "no key"


def test_a_minified_line_does_not_fill_the_screen() -> None:
    """Source lines are cut where nobody reads on."""
    error = ScriptError("no", source="> 1 | " + "x" * 5000)
    assert max(map(len, describe(error).splitlines())) < 180


def test_control_characters_are_made_visible() -> None:
    """An escape sequence in a message cannot steer the terminal; breaks and tabs stay readable."""
    assert printable("a\x1b[31mb\r\n\tc") == "a?[31mb?\n  c"


def test_who_called_into_another_file_is_reported() -> None:
    """An error in a module names the line of the script that called it; in one file, one call more says nothing."""
    calls = "m.lua:3: in function 'f'\none.lua:2: in main chunk"
    error = ScriptError("attempt to index field 'x'", script="m.lua", line=3, traceback=calls)
    assert "one.lua:2: in main chunk" in describe(error)
    same = ScriptError("no", script="m.lua", line=3, traceback=calls.replace("one.lua", "m.lua"))
    assert "in main chunk" not in describe(same)
