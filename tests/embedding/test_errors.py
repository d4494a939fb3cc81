"""What a Python program sees of an error: the place in its text, source and hint in notes, the API's facts."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

import host as door
from host import ApiError, CallError, ConfigError, Host, HostError, ScriptError, UsageError
from host import errors as tree
from host.report.errors import describe


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host(simulate=True) as host:

        @host.function
        def locked() -> None:
            raise Unpicklable

        yield host


class Unpicklable(Exception):
    """An exception of a program that cannot cross to another process."""

    def __reduce__(self) -> Any:
        raise TypeError("cannot be pickled")


def error_of(host: Host, code: str, **options: Any) -> ScriptError:
    error = host.run_source(code, name="rules.lua", **options).error
    assert error is not None
    return error


FAILURES = {
    "a runtime error": ("local x = nil\nlocal y = x.y", 2, "local y = x.y"),
    "a raised text": ("\nerror('no')", 2, "error('no')"),
    "a raised table": ("\n\nerror({kind = 'mine', message = 'no'})", 3, "error({kind"),
    "a syntax error": ("local a = 1\nlocal = 2", 2, "local = 2"),
    "a refused call": ("local p = new_product()\np:nome('x')", 2, "p:nome('x')"),
    "an API's answer": ("local x = 1\nstripe.products.retrieve('prod_none')", 2, "stripe.products.retrieve"),
    "a function's exception": ("local a = 1\nlocked()", 2, "locked()"),
    "a limit": ("local a = 1\nwhile true do end", 2, "while true do end"),
    "values that cannot cross": ("return print", None, ""),
}


@pytest.mark.parametrize("code", FAILURES.values(), ids=FAILURES)
def test_whoever_shows_an_error_shows_its_place(host: Host, code: tuple[str, int | None, str]) -> None:
    """str(), a traceback and a log line have script and line; the message alone has not; the source is a note."""
    source, line, text = code
    limits = {"lua_time": 0.05} if "while" in source else None
    result = host.run_source(source, name="rules.lua", limits=limits)
    error = result.error
    assert error is not None
    place = "rules.lua" if line is None else f"rules.lua:{line}"
    assert error.place == place
    assert str(error) == f"{place}: {error.message}"
    assert not error.message.startswith(place)
    with pytest.raises(ScriptError) as caught:
        result.raise_for_error()
    shown = "".join(traceback.format_exception(caught.value))
    assert f"ScriptError: {place}: {error.message}" in shown
    assert text in shown
    record = logging.LogRecord("rules", logging.ERROR, __file__, 1, "failed: %s", (error,), None)
    assert record.getMessage() == f"failed: {place}: {error.message}"


def test_the_place_is_said_once(host: Host) -> None:
    """Where the message begins with it already, and on the command line, which has its own form."""
    error = error_of(host, "\nerror('no')")
    assert describe(error).count("rules.lua:2") == 1
    assert str(ScriptError("a.lua:1: no", script="a.lua", line=1)) == "a.lua:1: no"
    assert str(ScriptError("no")) == "no"


def test_the_source_shown_hides_the_key() -> None:
    """A script may hold the very key of its host; notes go into logs."""
    with Host(stripe_secret_key="sk_test_verysecretindeed") as host:
        error = error_of(host, "local key = 'sk_test_verysecretindeed' error('no')")
    assert "verysecret" not in "".join(traceback.format_exception(error)) + error.source
    assert "error('no')" in error.source


def test_hints_are_notes(host: Host) -> None:
    """Of every error of the host, once, also where the hint is set or changed later."""
    error = error_of(host, "nu_product()")
    assert error.hint == 'did you mean "new_product"?'
    assert f"hint: {error.hint}" in "".join(traceback.format_exception(error)).splitlines()
    config = ConfigError("there is no key", hint="Set it.")
    assert config.__notes__ == ["hint: Set it."]
    config.hint = "Set it to sk_test_…."
    config.add_note("the program's own")
    assert config.__notes__ == ["hint: Set it to sk_test_….", "the program's own"]
    config.hint = None
    assert config.__notes__ == ["the program's own"]
    assert not hasattr(UsageError("no"), "__notes__")


def test_what_the_api_said_are_attributes(host: Host) -> None:
    """status, code, request_id, outcome and body beside facts; None for an error no API told of."""
    error = error_of(host, "stripe.products.update('prod_none', {name = 'x'})")
    assert (error.status, error.code, error.outcome) == (404, "resource_missing", "rejected")
    assert error.request_id == error.facts["request_id"]
    told = ScriptError("no", facts={"body": {"error": {"code": "x"}}})
    assert told.body == {"error": {"code": "x"}}
    plain = error_of(host, "error('no')")
    assert [plain.status, plain.code, plain.request_id, plain.outcome, plain.body] == [None] * 5


ERRORS = [cls for name in tree.__all__ if issubclass(cls := getattr(tree, name), HostError)]


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_every_error_can_be_pickled_and_copied(cls: type[HostError], again: Any) -> None:
    """With all it knows, so that worker pools and test runners can hand it on."""
    known = set(inspect.signature(cls.__init__).parameters)
    given: dict[str, Any] = {
        "status": 402,
        "code": "declined",
        "script": "a.lua",
        "line": 3,
        "source": "> 3 | x",
        "hint": "Pay.",
    }
    given |= {"facts": {"status": 402, "body": {"a": [1]}}, "outcome": "unknown"}
    error = cls("no", **{name: value for name, value in given.items() if name in known})
    error.add_note("the program's own")
    found = again(error)
    assert type(found) is cls
    assert str(found) == str(error)
    assert vars(found) == vars(error)
    assert found.hint == "Pay."
    assert door.HostError is HostError


def test_the_cause_is_pickled_where_it_can_be(host: Host) -> None:
    """A CallError of the host goes along; a program's exception that cannot is left out, its text is in the message."""
    error = error_of(host, "stripe.products.retrieve('prod_none')")
    error.cause = error.__cause__ = ApiError("no such product", status=404)
    found = pickle.loads(pickle.dumps(error))
    assert isinstance(found.cause, CallError)
    assert (found.cause.status, found.__cause__) == (404, found.cause)
    error.cause = Unpicklable()
    found = pickle.loads(pickle.dumps(error))
    assert found.cause is None
    assert str(found) == str(error)


def test_errors_of_a_real_run_can_be_pickled(host: Host) -> None:
    """As pytest-xdist and process pools do it, whatever a function of the program raised."""
    for source, _, _ in FAILURES.values():
        if "while" not in source:
            error = error_of(host, source)
            assert vars(pickle.loads(pickle.dumps(error))).keys() == vars(error).keys()
