"""Python functions in Lua: by name, blocking to look at, checked, and with everything known of their end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import msgspec
import pytest

from host import Host, InvalidCall, RunContext, UsageError
from host.bridge import threads
from host.events import Event, Logged


@pytest.fixture
def host() -> Iterator[Host]:
    with Host(simulate=True) as opened:
        yield opened


def value(host: Host, code: str, **options: Any) -> Any:
    return host.run_source(code, **options).raise_for_error().value


def failure(host: Host, code: str) -> Any:
    error = host.run_source(code).error
    assert error is not None
    return error


def test_async_and_plain_functions_look_blocking(host: Host) -> None:
    """Both are called as Lua functions are, and return what they return."""

    @host.function
    async def greet(name: str) -> str:
        await asyncio.sleep(0)
        return f"hello {name}"

    @host.function
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert value(host, 'return {greet("Ann"), add(2), add(2, 3), add(2, nil)}') == ["hello Ann", 3, 5, 3]


def test_async_functions_of_one_run_overlap(host: Host) -> None:
    """parallel calls of async functions wait together: each needs the other to have begun."""
    begun = 0
    both = asyncio.Event()

    @host.function
    async def meet() -> bool:
        nonlocal begun
        begun += 1
        if begun == 2:
            both.set()
        await both.wait()
        return True

    assert value(host, "return {parallel(meet, meet)}", timeout=10) == [True, True]


def test_plain_functions_run_in_threads_and_overlap(host: Host) -> None:
    """Plain functions neither block the loop nor each other: two of them meet at a barrier."""
    barrier = threading.Barrier(2, timeout=10)

    @host.function
    def meet() -> str:
        barrier.wait()
        return threading.current_thread().name

    names = value(host, "return {parallel(meet, meet)}", timeout=10)
    assert all(name.startswith("host-function") for name in names)


def test_the_pool_is_bounded(host: Host) -> None:
    """More blocking calls than threads: all are answered, by at most 32 threads."""
    running, most, lock = 0, 0, threading.Lock()

    @host.function
    def work(n: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        return n

    code = """local list = {} for i = 1, 100 do list[i] = i end
    local out = map(list, work, {limit = 100})
    out.n = nil
    return out"""
    assert value(host, code) == list(range(1, 101))
    assert 1 < most <= 32


def test_inline_functions_run_on_the_runs_own_thread(host: Host) -> None:
    """inline=True leaves out the worker; an error is the same as any other."""

    @host.function(inline=True, effect="pure")
    def where(fail: bool = False) -> str:
        if fail:
            raise KeyError("gone")
        return threading.current_thread().name

    assert value(host, "return where()").startswith("host-runner")
    error = failure(host, "where(true)")
    assert (error.kind, error.facts["type"], error.line) == ("function", "KeyError", 1)
    assert isinstance(error.cause.__cause__, KeyError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("f()", "f: argument 1 (name) is missing; call it as f(name, [count], [ratio])"),
        ("f(nil)", "f: argument 1 (name) is nil"),
        ("f(5)", "f: argument 1 (name): expected a string, got 5"),
        ('f("x", "y")', 'f: argument 2 (count): expected an integer, got "y"'),
        ('f("x", 1.5)', "f: argument 2 (count): expected an integer, got 1.5"),
        ('f("x", 1, true)', "f: argument 3 (ratio): expected a number, got true"),
        ('f("x", 1, 2, 3)', "f: 4 arguments, expected at most 3"),
        ('f({"x"})', "f: argument 1 (name): expected a string, got a list of 1"),
        ("f(print)", "a function cannot be sent"),
    ],
)
def test_wrong_arguments_are_errors_of_the_line(host: Host, call: str, message: str) -> None:
    """An argument that does not fit is named, with the script's line, and the function is not called."""
    called = []

    @host.function
    async def f(name: str, count: int = 1, ratio: float = 0.5) -> None:
        called.append(name)

    error = failure(host, f"local x = 1\n\n{call}")
    assert message in error.message
    assert (error.kind, error.line) == ("invalid", 3)
    assert called == []


def test_bounds_in_annotations_hold_and_notes_are_nothing(host: Host) -> None:
    """An amount below its bound never reaches the function; a note changes neither a number nor the context."""

    def pay(
        amount: Annotated[int, msgspec.Meta(ge=1)],
        note: Annotated[int, "a note"] = 0,
    ) -> int:
        return amount + note

    def who(context: Annotated[RunContext, "a note"]) -> str:
        return context.function

    host.function(pay, effect="write")
    host.function(who, effect="read")
    values = host.run_source("return pay(1), pay(1, 2), pay(1, '12345678901234567'), who()").values
    assert values == (1, 3, "12345678901234568", "who")
    error = host.run_source("pay(0)").error
    assert error is not None
    assert error.message == "pay: argument 1 (amount): expected an integer >= 1, got 0"


def test_nested_arguments_are_named_by_their_path(host: Host) -> None:
    """What is wrong inside a table is found and named in Lua's terms, counted from 1."""

    @dataclass
    class Item:
        price: int
        tags: list[str]

    @host.function
    async def order(items: list[Item], notes: dict[str, str]) -> int:
        assert all(isinstance(item, Item) for item in items)
        return sum(item.price for item in items)

    good = 'return order({{price = 2, tags = {}}, {price = 3, tags = {"a"}}}, {})'
    assert value(host, good) == 5
    error = failure(host, 'order({{price = 2, tags = {}}, {price = "3", tags = {}}}, {})')
    expected = "order: argument 1 (items)[2].price: expected an integer, got a string; "
    assert error.message == f"{expected}a string is not converted here: use tonumber(…)"
    error = failure(host, "order({{price = 2}}, {})")
    assert "argument 1 (items)[1]: tags is missing" in error.message


def test_keyword_arguments_come_as_a_last_table(host: Host) -> None:
    """Keyword-only parameters are the members of the last table; *args takes what is over."""

    @host.function
    async def search(text: str, *, limit: int = 10, exact: bool = False) -> list[Any]:
        return [text, limit, exact]

    @host.function
    async def total(*numbers: int, scale: int = 1) -> int:
        return sum(numbers) * scale

    @host.function
    async def anything(**options: Any) -> dict[str, Any]:
        return options

    assert value(host, 'return search("x")') == ["x", 10, False]
    assert value(host, 'return search("x", {exact = true})') == ["x", 10, True]
    assert value(host, "return {total(), total(1, 2), total(1, 2, {scale = 3})}") == [0, 3, 9]
    assert value(host, "return anything{a = 1, b = {2}}") == {"a": 1, "b": [2]}
    assert 'there is no argument "exakt"; did you mean "exact"?' in failure(host, 'search("x", {exakt=true})').message
    assert "argument limit: expected an integer" in failure(host, 'search("x", {limit = "y"})').message
    assert "expected a table of named arguments" in failure(host, 'search("x", 5)').message


def test_an_exception_is_an_error_table(host: Host) -> None:
    """kind "function", type and message in Lua; the exception with its traceback in Python."""

    @host.function
    async def fail(why: str) -> None:
        raise LookupError(f"no {why}")

    code = """local ok, err = pcall(fail, "rows")
    return {ok, err.kind, err.type, err.message, err.operation, err.outcome}"""
    message = "fail failed: LookupError: no rows"
    assert value(host, code) == [False, "function", "LookupError", message, "fail", "unknown"]
    error = failure(host, 'fail("rows")')
    assert (error.message, error.line) == (message, 1)
    cause = error.cause.__cause__
    assert isinstance(cause, LookupError)
    assert cause.__traceback__ is not None


@pytest.mark.parametrize("call", ["fail()", "map({1}, fail)", "local ok, err = pcall(fail) error(err)"])
def test_a_very_long_exception_is_the_cause_with_its_text_cut(host: Host, call: str) -> None:
    """The error of the run and its cause hold the beginning; the program's own exception is still behind them."""

    @host.function
    def fail(item: Any = None) -> None:
        raise ValueError("word " * 40_000)

    error = failure(host, call)
    assert error.message.startswith("fail failed: ValueError: word word")
    assert len(error.message) < 70_000
    assert error.cause is not None
    assert str(error.cause) == error.cause.message
    assert len(error.cause.message) < 70_000
    assert isinstance(error.cause.__cause__, ValueError)


class Wordless(Exception):
    """One that cannot say what happened."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Numeric(Exception):
    """One whose text is none."""

    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Wordless(), "Wordless: its text cannot be shown (RuntimeError)"),
        (Numeric(), "Numeric: its text cannot be shown (TypeError)"),
        (ValueError("caf\udce9.csv"), "ValueError: caf\\udce9.csv"),
        (InvalidCall("caf\udce9.csv"), "caf\\udce9.csv"),
    ],
)
@pytest.mark.parametrize("kind", ["async", "plain", "inline", "generator", "builder"])
def test_any_exception_answers_the_call(host: Host, kind: str, raised: Exception, said: str) -> None:
    """Also one whose text cannot be made, or written: without an answer the script would wait for ever."""

    @dataclass
    class Thing:
        name: str = ""

        def create(self) -> str:
            raise raised

    def broken() -> None:
        raise raised

    async def broken_async() -> None:
        raise raised

    def broken_items() -> Iterator[int]:
        raise raised
        yield 1

    if kind == "builder":
        host.builder(Thing)
    elif kind == "async":
        host.function(broken_async, name="broken")
    elif kind == "generator":
        host.function(broken_items, name="broken")
    else:
        host.function(broken, inline=kind == "inline")
    calls = {"builder": "new_thing():create()", "generator": "for _ in broken() do end"}
    error = host.run_source(calls.get(kind, "broken()"), timeout=20).error
    assert error is not None
    assert error.message.endswith(said)
    assert (error.kind, error.line) == ("invalid" if isinstance(raised, InvalidCall) else "function", 1)


def test_what_was_read_only_has_no_outcome(host: Host) -> None:
    """outcome is for what may have changed something: not for effect="read"."""

    @host.function(effect="read")
    async def look() -> None:
        raise ValueError("blind")

    assert value(host, "local _, err = pcall(look) return {err.outcome == nil, err.type}") == [
        True,
        "ValueError",
    ]


def test_generators_become_iterators(host: Host) -> None:
    """for … in over an async or plain generator; a None item is json.null, not the end."""

    @host.function(effect="read")
    async def rows(count: int) -> AsyncIterator[dict[str, int]]:
        for n in range(count):
            await asyncio.sleep(0)
            yield {"n": n}

    @host.function(effect="read")
    def items() -> Iterator[Any]:
        yield "a"
        yield None
        yield [1, 2]

    code = """local seen = {}
    for row in rows(3) do seen[#seen + 1] = row.n end
    for item in items() do seen[#seen + 1] = item == json.null and "null" or item end
    for _ in rows(0) do error("there is none") end
    return seen"""
    assert value(host, code) == [0, 1, 2, "a", "null", [1, 2]]
    assert "argument 1 (count)" in failure(host, 'for _ in rows("x") do end').message


def test_items_are_made_when_asked_for_and_the_rest_never(host: Host) -> None:
    """A loop that breaks off makes no further item, and the generator's finally runs when the run ends."""
    made: list[int] = []
    ended = threading.Event()

    @host.function(effect="read")
    async def numbers() -> AsyncIterator[int]:
        try:
            for n in range(1000):
                made.append(n)
                yield n
        finally:
            ended.set()

    assert value(host, "for n in numbers() do if n == 2 then break end end return 1") == 1
    assert made == [0, 1, 2]
    assert ended.wait(10)


def test_an_error_in_a_generator_is_raised_in_the_loop(host: Host) -> None:
    """An exception after some items ends the loop as an error of its line."""

    @host.function(effect="read")
    async def some() -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("cut off")

    error = failure(host, "local n = 0\nfor i in some() do\n n = n + i\nend")
    assert (error.facts["type"], error.line) == ("RuntimeError", 2)
    assert "cut off" in error.message


def test_the_run_is_known_to_who_asks(host: Host) -> None:
    """A parameter annotated RunContext gets the run, whatever its place, and is no argument in Lua."""

    @host.function
    async def about(a: int, ctx: RunContext, b: int) -> dict[str, Any]:
        return {"run": ctx.run_id, "name": ctx.function, "left": ctx.remaining > 1, "sum": a + b}

    result = host.run_source("return about(1, 2)")
    assert result.value == {"run": result.run_id, "name": "about", "left": True, "sum": 3}


def test_a_function_can_speak_in_the_runs_events() -> None:
    """ctx.log is the script's own log."""
    seen: list[Event] = []

    class Sink:
        def emit(self, event: Event) -> None:
            seen.append(event)

    with Host(simulate=True, sinks=[Sink()]) as host:

        @host.function
        def note(ctx: RunContext) -> None:
            ctx.log("half way", "warn")

        result = host.run_source("note()").raise_for_error()
    logged = [event for event in seen if isinstance(event, Logged)]
    assert [(event.text, event.level, event.run_id) for event in logged] == [("half way", "warn", result.run_id)]


def test_cancelling_reaches_an_async_reader(host: Host) -> None:
    """A cancelled task's function gets CancelledError where it waits."""
    began, cancelled = threading.Event(), threading.Event()

    @host.function(effect="read")
    async def forever() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    @host.function(effect="read")
    def ready() -> bool:
        return began.wait(10)

    code = "local t = spawn(forever) ready() t:cancel() return t:status()"
    assert value(host, code) == "running"
    assert cancelled.wait(10)


def test_cancelling_is_seen_by_a_plain_function(host: Host) -> None:
    """A function in a thread cannot be stopped, but it can see that nobody waits."""
    began, seen = threading.Event(), threading.Event()

    @host.function
    def slow(ctx: RunContext) -> None:
        began.set()
        while not ctx.cancelled:
            time.sleep(0.001)
        seen.set()

    @host.function(effect="read")
    def ready() -> bool:
        return began.wait(10)

    value(host, "local t = spawn(slow) ready() t:cancel() return 1")
    assert seen.wait(10)


def test_the_deadline_reaches_a_function() -> None:
    """A call past the deadline is a timeout in Lua, and the function is cancelled."""
    cancelled = threading.Event()
    with Host(simulate=True, request_deadline=0.05) as host:

        @host.function
        async def forever(ctx: RunContext) -> None:
            assert ctx.remaining <= 0.05
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        error = failure(host, "forever()")
    assert (error.kind, error.facts["outcome"]) == ("timeout", "unknown")
    assert cancelled.is_set()


def test_a_plain_function_that_never_ends_does_not_hold_close() -> None:
    """close() leaves a thread that does not come back behind."""
    release = threading.Event()
    with Host(simulate=True) as host:

        @host.function
        def stuck() -> None:
            release.wait(30)

        error = host.run_source("stuck()", timeout=0.05).error
        assert error is not None
        host.close(grace=0.05)
    release.set()


def test_an_async_function_whose_thread_never_ends_does_not_hold_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does what an async function has given to a thread of the loop."""
    monkeypatch.setattr(threads, "LEFT", 0.05)
    release = threading.Event()
    with Host(simulate=True) as host:

        @host.function
        async def stuck() -> None:
            await asyncio.to_thread(release.wait, 60)

        assert host.run_source("stuck()", timeout=0.05).error is not None
        host.close(grace=0.05)
    assert not release.is_set()
    release.set()


def test_a_module_and_an_object_are_registered_whole(host: Host) -> None:
    """Public functions a module defines, and an object's public methods; with a prefix where asked."""
    module = ModuleType("pricing")
    exec("def vat(net: int) -> int:\n    return net * 120 // 100\ndef _hidden():\n    pass\n", module.__dict__)

    class Stock:
        def __init__(self) -> None:
            self.left = 3

        def take(self, n: int) -> int:
            self.left -= n
            return self.left

        def _secret(self) -> None: ...

    assert host.functions(module, effect="pure") == ["vat"]
    assert host.functions(Stock(), prefix="stock_") == ["stock_take"]
    assert value(host, "return {vat(100), stock_take(2), _hidden == nil}") == [120, 1, True]
    with pytest.raises(UsageError, match="no public functions"):
        host.functions(ModuleType("empty"))


@pytest.mark.parametrize("name", ["print", "stripe", "new_product", "end", "a b", "", "api"])
def test_names_that_mean_something_else_are_refused(host: Host, name: str) -> None:
    """No function replaces what scripts know by that name."""
    with pytest.raises(UsageError):
        host.function(lambda: None, name=name)


def test_a_name_is_given_once(host: Host) -> None:
    """Registering a name again says so."""
    host.function(lambda: 1, name="one")
    with pytest.raises(UsageError, match="already registered as 'one'"):
        host.function(lambda: 2, name="one")


def test_annotations_that_no_value_can_become_are_refused(host: Host) -> None:
    """A callback, an unknown name and a wrong effect are found when the function is registered."""
    from collections.abc import Callable

    def callback(f: Callable[[], int]) -> None: ...

    def unknown(x: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(UsageError, match="Lua functions do not cross"):
        host.function(callback)
    with pytest.raises(UsageError, match=r"annotation cannot be read.*Missing"):
        host.function(unknown)
    with pytest.raises(UsageError, match="effect is 'maybe'"):
        host.function(lambda: 1, name="f", effect="maybe")  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="only a plain function can be inline"):

        @host.function(inline=True)
        async def later() -> None: ...


def test_functions_are_called_from_python_by_name(host: Host) -> None:
    """make_request reaches functions too, with arguments by name."""

    @host.function
    async def greet(name: str) -> str:
        return f"hello {name}"

    assert host.registry.make_request("greet", "POST", {"name": "Ann"}) == "hello Ann"


def test_methods_partials_and_callables(host: Host) -> None:
    """Whatever Python can call with a signature will do."""
    from functools import partial

    class Doubler:
        async def __call__(self, n: int) -> int:
            return 2 * n

    def add(a: int, b: int) -> int:
        return a + b

    host.function(partial(add, 10), name="add_ten")
    host.function(Doubler(), name="double")
    host.function(len, name="size", effect="pure", inline=True)
    assert value(host, 'return {add_ten(5), double(4), size("abc"), size{1, 2}}') == [15, 8, 3, 2]
