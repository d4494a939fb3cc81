"""Every argument of the public API is taken as its parameter means it, or refused by name at the call itself."""

from __future__ import annotations

import asyncio
import inspect
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import host as door
from host import ApiLimits, Budget, Host, HostError, Limits, OAuth2, Permissions, Script, Secret, Settings, UsageError
from host.events import Event, RunEnded
from host.plan.plan_set import PlanSection, PlanWriter
from host.run.options import RunOptions
from host.simulator.fault_injection import Faults, Rates
from host.simulator.simulator import Simulator
from host.webhooks.assembly import HandlerOptions

VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "-1": lambda: -1,
    "1.5": lambda: 1.5,
    "text": lambda: "text",
    "bytes": lambda: b"bytes",
    "[]": list,
    "[1]": lambda: [1],
    "()": tuple,
    "{}": dict,
    "{a: 1}": lambda: {"a": 1},
    "{1: 2}": lambda: {1: 2},
    "set": lambda: {1},
    "object": object,
    "class": lambda: int,
    "function": lambda: print,
    "iterator": lambda: iter([]),
}
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "pets", "version": "1"},
    "servers": [{"url": "http://localhost:1"}],
    "paths": {"/pets": {"get": {"responses": {"200": {"description": "all"}}}}},
}
NOTHING: frozenset[str] = frozenset()


@dataclass
class Order:
    customer: str = ""

    def create(self) -> str:
        return self.customer


def double(n: int) -> int:
    return 2 * n


class Lab:
    """What the calls are made on: a simulated host, and the script ``s.lua``."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "s.lua"
        self.script.write_text("return 1")
        self.host = Host(simulate=True, journal=str(folder / "journal.sqlite"))
        for run_id in ("done", "text"):  # the second for the value of that name
            self.host.run(self.script, run_id=run_id).raise_for_error()

    def planned(self) -> Path:
        """A plan of one run, in a file."""
        path = self.script.with_name("many.plan")
        with PlanWriter(path) as writer:
            for number, plan in enumerate(self.host.plan_many([self.script]), 1):
                writer.add(PlanSection(number, "", plan))
            writer.finish()
        return path

    def opened(self, **given: Any) -> None:
        """Open a host, run something, close it."""
        real = given.keys() & {"transport", "mounts", "event_hooks", "auth"}
        base: dict[str, Any] = {"stripe_secret_key": "sk_test_walked"} if real else {"simulate": True}
        with Host(**{**base, **given}) as host:
            host.run_source("return 1").raise_for_error()
        Path("text").unlink(missing_ok=True)  # what it recorded to

    def fresh(self, method: str, *places: str, **base: Any) -> Callable[..., Any]:
        """A call of a method on a host of its own; ``places`` go by position."""

        def call(**given: Any) -> Any:
            every = {**base, **given}
            first = [every.pop(place) for place in places]
            with Host(apis={}) as host:
                return operator.attrgetter(method)(host)(*first, **every)

        return call


def names_of(function: Any) -> list[str]:
    """The parameters of a function, but for ``self`` and those that stand for many."""
    many = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind not in many and p.name != "self"]


RUN = list(RunOptions.__struct_fields__)
# Settings that any text may be.
TEXTS = ("journal", "database", "graphql_token", "stripe_webhook_secret", "dashboard_token")
LISTS = {"[]", "()", "iterator"}
STRUCT = {"None", "{}"}
OF_RUN: dict[str, set[str]] = {
    "args": {*LISTS, "[1]"},
    "globals": {"None", "{}", "{a: 1}"},
    "timeout": {"None", "1.5"},
    "limits": STRUCT,
    "permissions": STRUCT,
    "budget": STRUCT,
    "durable": {"None", "True"},
    "run_id": {"None", "text"},
    "sinks": LISTS,
    "returns": {"None", "class"},
    "traceparent": {"None"},
}
OF_API: dict[str, set[str]] = {
    "base_url": {"None"},
    "auth": {"None", "text", "{}"},
    "overlay": {"None", "[]", "()"},
    "paging": {"None", "{}"},
}
MENDED = {name: {"text", "{}", "{a: 1}", "{1: 2}"} for name in ("document", "overlay")}

# label → the call, the parameters that are walked, which values each takes (none: none), and which are of the right
# type while their content is wrong (a file that does not exist): those are an error of any name.
Walk = tuple[Callable[..., Any], list[str], dict[str, set[str]], dict[str, set[str]]]


def walks(lab: Lab) -> dict[str, Walk]:
    host = lab.host
    seconds = {"None", "1.5"}
    fields = list(Settings.__struct_fields__)
    of_settings: dict[str, set[str]] = {
        **{name: {"None"} for name in fields},
        **{name: {"None", "text"} for name in (*TEXTS, "graphql_schema")},
        **dict.fromkeys(("http_timeout", "connect_timeout", "request_deadline", "run_lease"), seconds),
        "send_traceparent": {"None", "True"},
        "api_limits": {"None", "{}"},
        "sources": set(),
    }
    texts = {"None", "text", *LISTS}
    planned = lab.planned()
    return {
        "Host": (
            lab.opened,
            [*names_of(Host.__init__), *fields],
            {
                **of_settings,
                "simulate": {"True"},
                "lenient": {"None", "True"},
                "env_file": {"None"},
                "limits": STRUCT,
                "mounts": STRUCT,
                "event_hooks": STRUCT,
                "auth": {"None", "function"},
                "sinks": LISTS,
                "env": STRUCT,
                "simulator": {"None"},
                "permissions": STRUCT,
                "budget": STRUCT,
                "daily_budget": STRUCT,
                "config": {"None"},
                "setup": {"None"},
                "apis": STRUCT,
                "record": {"None", "text"},
                "replay": {"None"},
            },
            {"replay": {"text"}, "env_file": {"text"}, "config": {"text"}, "stripe_secret_key": {"text"}},
        ),
        "Host.run": (
            lambda **given: host.run(**{"script": lab.script, **given}),
            ["script", "returns", *RUN],
            OF_RUN,
            {"script": {"text"}},
        ),
        "Host.run_async": (
            lambda **given: asyncio.run(host.run_async(**{"script": lab.script, **given})),
            ["script", "returns", *RUN],
            OF_RUN,
            {"script": {"text"}},
        ),
        "Host.run_source": (
            lambda **given: host.run_source(**{"code": "return 1", **given}),
            ["code", "name", "returns", *RUN],
            {**OF_RUN, "code": {"text", "bytes"}, "name": {"text"}},
            {},
        ),
        "Host.run_source_async": (
            lambda **given: asyncio.run(host.run_source_async(**{"code": "return 1", **given})),
            ["code", "name", "returns", *RUN],
            {**OF_RUN, "code": {"text", "bytes"}, "name": {"text"}},
            {},
        ),
        "Host.run_many": (
            lambda **given: list(host.run_many(**{"jobs": ["return 1"], **given})),
            names_of(Host.run_many),
            {"jobs": LISTS, "batch_id": {"None", "text"}},
            {"jobs": {"[1]", "set"}},
        ),
        "a job of Host.run_many": (
            lambda **given: list(host.run_many([given if "script" in given else {"code": "return 1", **given}])),
            ["script", "code", "name", *RUN],
            {**OF_RUN, "code": {"text", "bytes"}, "name": {"text"}},
            {"script": {"text"}},
        ),
        "Host.compile": (host.compile, names_of(Host.compile), {}, {"source": {"text"}}),
        "Host.plan": (
            lambda **given: host.plan(**{"script": lab.script, **given}),
            ["script", *(name for name in RUN if name not in ("durable", "run_id", "force_new"))],
            OF_RUN,
            {"script": {"text"}},
        ),
        "Host.apply": (
            lambda **given: host.apply(**{"plan": host.plan(lab.script), **given}),
            names_of(Host.apply),
            OF_RUN,
            {"plan": {"text"}},
        ),
        "Host.plan_many": (
            lambda **given: list(host.plan_many(**{"jobs": ["return 1"], **given})),
            names_of(Host.plan_many),
            {"jobs": LISTS},
            {"jobs": {"[1]", "set"}},
        ),
        "Host.apply_many": (
            lambda **given: list(host.apply_many(**{"file": planned, **given})),
            names_of(Host.apply_many),
            OF_RUN,
            {"file": {"text"}},
        ),
        "Host.resume": (
            lambda **given: host.resume(**{"run_id": "done", **given}),
            names_of(Host.resume),
            {
                **OF_RUN,
                "recorded": {"True"},
                "other_key": {"True"},
                "force_new": {"True"},
                "run_id": {"text"},
                "in_doubt": {"{}"},
            },
            {"in_doubt": {"{a: 1}", "{1: 2}"}},
        ),
        "Host.close": (lambda **given: closed(**given), names_of(Host.close), {"grace": {"0", "1.5"}}, {}),
        "Host.catalog": (host.catalog, names_of(Host.catalog), {}, {"api": {"text"}}),
        "Host.use": (
            lab.fresh("use"),
            names_of(Host.use),
            {"transport": {"None"}, "mounts": STRUCT, "event_hooks": STRUCT, "auth": {"None", "function"}},
            {},
        ),
        "Host.function": (
            lab.fresh("function", "fn", fn=double),
            names_of(Host.function),
            {"fn": {"None"}, "name": {"None", "text"}, "inline": {"True"}},
            {"fn": {"class", "function"}},
        ),
        "Host.functions": (
            lab.fresh("functions", source=Order()),
            names_of(Host.functions),
            {"prefix": {"text"}},
            {},
        ),
        "Host.builder": (
            lab.fresh("builder", "kind", kind=Order),
            names_of(Host.builder),
            {"kind": {"None"}, "name": {"None", "text"}, "create": {"None", "class", "function"}},
            {"kind": {"class"}},
        ),
        "Host.add_api": (
            lab.fresh("add_api", name="pets", document=DOCUMENT),
            names_of(Host.add_api),
            OF_API | {"name": {"text"}},
            MENDED,
        ),
        "an API of Host(apis=…)": (
            lambda **given: Host(apis={"pets": {"document": DOCUMENT, **given}}).close(),
            ["document", "base_url", "auth", "overlay", "paging"],
            OF_API,
            MENDED,
        ),
        "Host.webhooks": (
            lambda **given: host.webhooks(
                **{"handler": Script.of("on('*', print)"), "secret": "whsec_walked", **given}
            ),
            [*names_of(Host.webhooks), *HandlerOptions.__struct_fields__],
            {
                "secret": {"None", "text", "[]", "()"},
                "run": STRUCT,
                "verify": set(),
                "paths": {"{}"},
                "path": {"None"},
                "tolerance": {"1.5"},
                "retry_delay": {"1.5"},
                "ordered": {"True"},
                "name": {"None", "text"},
                "poll": seconds,
                "since": {"None"},
                "tell": {"None", "class", "function"},
            },
            {"handler": {"text"}, "run": {"{a: 1}"}},
        ),
        "Host.add_library": (lab.fresh("add_library"), names_of(Host.add_library), {}, {}),
        "registry.make_request": (
            lambda **given: host.registry.make_request(**{"endpoint": "products", "method": "GET", **given}),
            names_of(host.registry.make_request),
            {"data": STRUCT, "timeout": seconds},
            {"endpoint": {"text"}, "method": {"text"}, "data": {"{a: 1}"}},
        ),
        "registry.register": (
            lab.fresh("registry.register", name="own", function=double),
            names_of(host.registry.register),
            {"name": {"text"}, "function": {"class", "function"}},
            {},
        ),
        "Limits": (
            Limits,
            list(Limits.__struct_fields__),
            {"lua_time": {"1.5"}, "run_time": seconds, "grace": {"1.5"}},
            {},
        ),
        "ApiLimits": (
            ApiLimits,
            list(ApiLimits.__struct_fields__),
            {"rate": {"None", "0", "1.5"}, "burst": seconds, "in_flight": {"None"}, "retries": {"None", "0"}},
            {},
        ),
        "Budget": (
            Budget,
            list(Budget.__struct_fields__),
            {
                "max_calls": {"None", "0"},
                "max_mutations": {"None", "0"},
                "max_amount": {"{}"},
                "allow_unbounded": {"True"},
            },
            {"max_amount": {"{a: 1}", "{1: 2}"}},
        ),
        "Permissions": (
            Permissions,
            list(Permissions.__struct_fields__),
            {
                **dict.fromkeys(Permissions.__struct_fields__, texts),
                "read_only": {"True"},
                "test_mode_only": {"True"},
                "within": {"None"},
            },
            {},
        ),
        "OAuth2": (
            lambda **given: OAuth2(**{"client_id": "id", "client_secret": Secret("s"), **given}),
            list(OAuth2.__struct_fields__),
            {
                "client_id": {"text"},
                "client_secret": {"text"},
                "token_url": {"text"},
                "scopes": {*LISTS, "[1]"},
                "in_body": {"True"},
            },
            {},
        ),
        "Script": (
            lambda **given: Script(**{"name": "s", "source": b"", **given}),
            list(Script.__struct_fields__),
            {"name": {"text"}, "source": {"text", "bytes"}, "folder": {"None", "text"}},
            {},
        ),
        "Script.of": (
            lambda **given: Script.of(**{"code": "", **given}),
            names_of(Script.of),
            {"code": {"text", "bytes"}, "name": {"text"}},
            {},
        ),
        "Script.read": (Script.read, names_of(Script.read), {}, {"path": {"text"}}),
        "Settings.load": (
            Settings.load,
            names_of(Settings.load),
            {
                "env_file": {"None"},
                "environ": {"None", "{}", "{a: 1}"},
                "overrides": STRUCT,
                "cwd": {"None", "text"},
                "config": {"None"},
                "claimed": {"None", "function"},
            },
            {"env_file": {"text"}, "overrides": {"{a: 1}"}},
        ),
        "Settings.variables": (
            Settings.variables,
            names_of(Settings.variables),
            {"env_file": {"None"}, "environ": {"None", "{}", "{a: 1}"}, "cwd": {"None", "text"}},
            {"env_file": {"text"}},
        ),
        "Settings.source": (Settings().source, ["name"], {}, {}),
        "Simulator": (
            lambda **given: Simulator(**{"catalog": host.catalog(), **given}),
            names_of(Simulator.__init__),
            {
                "key": {"None", "text"},
                "clock": {"class", "function"},
                "seed": set(VALUES),
                "store": {"None"},
                "faults": {"None"},
                "lenient": {"True"},
            },
            {},
        ),
        "Simulator.faults": (
            lambda faults: setattr(Simulator(host.catalog()), "faults", faults),
            ["faults"],
            {"faults": {"None"}},
            {},
        ),
        "Rates": (Rates, list(Rates.__struct_fields__), RATES, {}),
        "Faults": (Faults, ["rates"], {}, {}),
        "Faults.parse": (Faults.parse, ["text"], {}, {"text": {"text"}}),
    }


RATES = {
    **{name: {"0"} for name in Rates.__struct_fields__},
    "latency": {"0", "1.5"},
    "retry_after": {"0", "1.5"},
}


def closed(grace: Any) -> None:
    host = Host(simulate=True)
    try:
        host.close(grace)
    finally:
        host.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("arguments")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("STRIPE_SECRET_KEY", raising=False)
        lab = Lab(folder)
        yield lab
        lab.host.close()


def outcome(call: Callable[..., Any], name: str, value: Any, *, content: bool) -> str:
    """``"taken"``, ``"refused"``, or what is wrong with the way it was refused."""
    try:
        call(**{name: value})
    except (HostError, TypeError) as error:
        told = str(error).lower().replace("-", "_")
        return "refused" if content or name in told else f"{type(error).__name__} does not name it: {error}"
    except Exception as error:
        return f"out of the depths: {type(error).__name__}: {error}"
    return "taken"


LABELS = [
    "Host", "Host.run", "Host.run_async", "Host.run_source", "Host.run_source_async", "Host.run_many",
    "a job of Host.run_many", "Host.compile", "Host.plan", "Host.apply", "Host.plan_many", "Host.apply_many",
    "Host.resume", "Host.close", "Host.catalog", "Host.use", "Host.function",
    "Host.functions", "Host.builder", "Host.add_api", "an API of Host(apis=…)", "Host.webhooks", "Host.add_library",
    "registry.make_request", "registry.register", "Limits", "ApiLimits", "Budget", "Permissions", "OAuth2", "Script",
    "Script.of", "Script.read", "Settings.load", "Settings.variables", "Settings.source", "Simulator",
    "Simulator.faults", "Rates", "Faults", "Faults.parse",
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
def test_each_argument_is_taken_or_refused_by_name(lab: Lab, label: str) -> None:
    """A value of any kind for every parameter: what is not meant is refused at the call, and nothing else happens."""
    call, names, takes, content = walks(lab)[label]
    wrong = []
    for name in dict.fromkeys(names):
        for shown, make in VALUES.items():
            expected = "taken" if shown in takes.get(name, NOTHING) else "refused"
            found = outcome(call, name, make(), content=shown in content.get(name, NOTHING))
            if name == "run_id" and shown == "text" and label == "a job of Host.run_many":
                found = "taken"  # another call's by then: its result says so
            if found != expected:
                wrong.append(f"{label}({name}={shown}): {found}, expected {expected}")
    assert wrong == []


def test_no_part_of_the_door_is_left_out(lab: Lab) -> None:
    """The walk knows every public callable that takes values of a program."""
    walked = walks(lab)
    assert list(walked) == LABELS
    every = {name for each in Host.__mro__[:-1] for name in vars(each)}
    methods = {name for name in every if name[0] != "_" and callable(getattr(Host, name))}
    without = {"interrupt", "stats"}  # no parameters
    same = {"resume_async"}  # as resume, behind the same checks
    of_a_database = {"submit", "fleet_worker"}  # walked in tests/fleet/test_submission.py
    assert {f"Host.{name}" for name in methods - without - same - of_a_database} <= {*LABELS}
    values = {n for n in door.__all__ if not (isinstance(v := getattr(door, n), type) and issubclass(v, Exception))}
    made_by_the_host = {"Plan", "RunContext", "RunResult", "Secret"}
    assert {name for name in values - made_by_the_host if not any(each.startswith(name) for each in LABELS)} == set()


def test_a_mapping_stands_for_the_struct_of_its_fields() -> None:
    """limits, permissions and budget as mappings hold as their structs do, of a host and of a run."""
    with Host(simulate=True, limits={"calls": 1}, permissions={"read_only": True}, budget={"max_calls": 7}) as host:
        assert host.limits == Limits(calls=1)
        error = host.run_source("new_product():name('x'):create()").error
        assert error is not None
        assert error.kind == "denied"
    with Host(simulate=True) as host:
        error = host.run_source("stripe.products.list() stripe.products.list()", limits={"calls": 1}).error
        assert error is not None
        assert "1 calls" in error.message
        error = host.run_source("stripe.products.list()", budget={"max_calls": 0}).error
        assert error is not None
        assert error.kind == "limit"
        with pytest.raises(UsageError, match=r"limits has 'memry'; expected one of lua_time, .*memory"):
            host.run_source("", limits={"memry": 1})


@pytest.mark.parametrize(("wrong", "meant"), [("limit", "limits"), ("http_timout", "http_timeout"), ("api", "apis")])
def test_a_misspelt_argument_names_the_nearest(wrong: str, meant: str) -> None:
    """Among the host's own and the settings."""
    with pytest.raises(UsageError, match=f"Host has no argument or setting '{wrong}'; did you mean '{meant}'?"):
        Host(simulate=True, **{wrong: None})  # type: ignore[arg-type]


def test_functions_are_sinks_too(capsys: pytest.CaptureFixture[str]) -> None:
    """sinks=[print] prints each event; a class is refused, as its instance was meant."""
    seen: list[Event] = []
    with Host(simulate=True, sinks=[print, seen.append]) as host:
        host.run_source("print('x')")
    assert isinstance(seen[-1], RunEnded)
    assert "Printed" in capsys.readouterr().out

    class Sink:
        def emit(self, event: Event) -> None: ...

    with pytest.raises(UsageError, match=r"sinks\[0\] is the class Sink; expected an object with emit"):
        Host(simulate=True, sinks=[Sink])  # type: ignore[list-item]


def test_faults_may_be_changed_under_way() -> None:
    """A simulator's faults hold from the moment they are set."""
    with Host(simulate=True) as known:
        simulator = Simulator(known.catalog())
    with Host(simulator=simulator) as host:
        code = "return (pcall(stripe.products.list, {}, {retries = 0}))"
        assert host.run_source(code).value is True
        simulator.faults = Faults.parse("500:100%")
        assert host.run_source(code).value is False
        simulator.faults = None
        assert host.run_source(code).value is True


def test_what_is_fixed_says_so() -> None:
    """Setting an attribute that nothing looks at any more is refused."""
    with Host(simulate=True) as host:
        for name in ("limits", "settings", "simulated", "registry", "isolation"):
            with pytest.raises(UsageError, match=f"Host.{name} is fixed once the host is open"):
                setattr(host, name, None)
        host.tenant = "acme"


def test_a_simulated_host_has_no_use_for_a_transport() -> None:
    """It would be ignored."""
    with pytest.raises(UsageError, match="auth: a simulated host sends nothing"):
        Host(simulate=True, auth=("user", "password"))


def test_values_that_may_be_secret_are_not_shown() -> None:
    """The messages for auth, env and arguments tell their type alone."""
    for given in (
        {"env": "sk_test_verysecret"},
        {"env": {"A": b"sk_test_verysecret"}},
        {"auth": ["sk_test_verysecret"]},
    ):
        with pytest.raises(UsageError) as caught:
            Host(**{"stripe_secret_key": "sk_test_1234", **given})  # type: ignore[arg-type]
        assert "verysecret" not in str(caught.value)
    with pytest.raises(UsageError, match="simulate is a key; expected True or False"):
        Host("sk_test_verysecret")  # type: ignore[arg-type]
    with Host(simulate=True) as host, pytest.raises(UsageError, match=r"args\[0\] is a Secret; expected a string"):
        host.run_source("", args=[Secret("sk_test_verysecret")])  # type: ignore[list-item]
