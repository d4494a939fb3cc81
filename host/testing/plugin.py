"""The pytest plugin: collects Lua test files and offers fixtures. Registered under the name ``luahost``.

pytest imports this file in every project of the environment, so it imports nothing that takes time: what a
Lua file or a fixture needs is loaded with the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from host.host import Host
    from host.run.script import RunResult
    from host.simulator.simulator import Simulator
    from host.testing.undo import CreatedObjects

_HTTPX_MOCK = "httpx_mock"
COVERAGE = "luahost-coverage"  # plugins that are registered if an option asks for them
CASSETTE = "luahost-cassette"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """While pytest-httpx's ``httpx_mock`` is active, hosts send through httpx's own transport, which it replaces.

    So no request of a test leaves the process, whatever transport it would have used.
    """
    if fixturedef.argname == _HTTPX_MOCK:
        from host.http.client import HttpClient

        HttpClient.mocked = True
        request.addfinalizer(_unmock)
    return (yield)


def _unmock() -> None:
    from host.http.client import HttpClient

    HttpClient.mocked = False


def pytest_addoption(parser: pytest.Parser) -> None:
    """``lua_test_timeout`` in the ini file, and the options for cassettes and coverage."""
    parser.addini("lua_test_timeout", "Seconds a Lua test may take.", default="60")
    group = parser.getgroup("luahost", "Lua tests")
    group.addoption("--lua-record", metavar="FILE", help="Write all requests of Lua scripts to FILE, a cassette.")
    group.addoption("--lua-replay", metavar="FILE", help="Answer all requests of Lua scripts from the cassette FILE.")
    group.addoption(
        "--lua-coverage",
        action="append",
        nargs="?",
        const="text",
        default=[],
        metavar="FORM",
        help="Report which lines of Lua files were reached: text (a table), lcov:FILE, html:FOLDER. Repeatable.",
    )
    group.addoption(
        "--lua-coverage-source",
        action="append",
        default=[],
        metavar="PATH",
        help="Report on the Lua files in PATH and no others, including those that no test loads. Repeatable.",
    )
    group.addoption(
        "--lua-coverage-fail-under",
        type=float,
        metavar="PERCENT",
        help="Fail if a smaller percentage of lines of Lua files was reached.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugins for cassettes and coverage, if options ask for them."""
    record, replay = config.getoption("lua_record", None), config.getoption("lua_replay", None)
    if record is not None or replay is not None:
        from host.testing.cassette_plugin import CassetteOfSession

        config.pluginmanager.register(CassetteOfSession(config, record, replay), CASSETTE)
    if (
        config.getoption("lua_coverage")
        or config.getoption("lua_coverage_source")
        or config.getoption("lua_coverage_fail_under") is not None
    ):
        from host.testing.coverage_plugin import CoverageOfSession

        config.pluginmanager.register(CoverageOfSession(config), COVERAGE)


def with_cassette(config: pytest.Config, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options of ``Host`` with the cassette, if one is used. ``name`` is that of the test or file."""
    taped = config.pluginmanager.get_plugin(CASSETTE)
    return options if taped is None else {**options, **taped.options(name)}


def with_coverage(config: pytest.Config, options: dict[str, Any]) -> dict[str, Any]:
    """Options of ``Host`` with the sink for coverage, if it is used."""
    counting = config.pluginmanager.get_plugin(COVERAGE)
    return options if counting is None else {**options, "sinks": (*options.get("sinks", ()), counting.coverage)}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """``*_test.lua`` and ``test_*.lua``, and any Lua file named on the command line."""
    if file_path.suffix != ".lua":
        return None
    from host.testing.cases import is_test_file

    if not is_test_file(file_path) and not parent.session.isinitpath(file_path):
        return None
    from host.testing.collector import LuaFile

    return LuaFile.from_parent(parent, path=file_path)  # type: ignore[no-any-return, unused-ignore]


@pytest.fixture
def simulator() -> Simulator:
    """An empty simulator of the Stripe API."""
    from host.apis.stripe import load
    from host.simulator.simulator import Simulator

    return Simulator(load())


@pytest.fixture
def lua_host_options() -> dict[str, Any]:
    """Arguments of ``Host`` for ``lua_host`` and Lua test files; a project overrides this fixture."""
    return {}


@pytest.fixture
def lua_ledger() -> CreatedObjects:
    """Remembers what scripts on ``lua_host`` created, so that ``lua_fixture`` can undo it."""
    from host.testing.undo import CreatedObjects

    return CreatedObjects()


@pytest.fixture
def lua_host(
    request: pytest.FixtureRequest, lua_host_options: dict[str, Any], lua_ledger: CreatedObjects
) -> Iterator[Host]:
    """A ``Host`` on the fixture ``simulator``, closed after the test.

    In a test that uses pytest-httpx's ``httpx_mock`` it is a real one with a test key, so that its requests
    reach the mock. ``lua_host_options`` take precedence over both, ``--lua-record`` and ``--lua-replay`` over all.
    """
    from host.host import Host

    options: dict[str, Any] = dict(lua_host_options)
    if request.config.pluginmanager.has_plugin(CASSETTE):
        options = with_cassette(request.config, request.node.nodeid, options)
    elif options.keys() & {"simulate", "simulator", "stripe_secret_key", "env_file"}:
        pass  # the project configures which API the host uses
    elif _HTTPX_MOCK in request.fixturenames:
        request.getfixturevalue(_HTTPX_MOCK)  # set up first, so that it is checked after the host has closed
        options.update(stripe_secret_key="sk_test_mocked")  # noqa: S106 - no key of anybody's
    else:
        options["simulator"] = request.getfixturevalue("simulator")
    options = with_coverage(request.config, options)
    with Host(**{**options, "sinks": (*options.get("sinks", ()), lua_ledger)}) as host:
        yield host


@pytest.fixture
def lua_run(request: pytest.FixtureRequest, lua_host: Host) -> Callable[..., RunResult]:
    """``lua_run(script, …)``: runs a file (relative to the test's) or Lua source text on ``lua_host``.

    Takes what ``Host.run`` takes, gives its ``RunResult``. Raises the script's ``ScriptError`` unless
    ``check=False``.
    """

    def run(script: str | Path, *, check: bool = True, **options: Any) -> RunResult:
        beside = request.path.parent / script if isinstance(script, Path) or "\n" not in script else None
        result = lua_host.run(beside if beside is not None and beside.is_file() else script, **options)
        return result.raise_for_error() if check else result

    return run


@pytest.fixture
def lua_deliver(request: pytest.FixtureRequest, lua_host: Host) -> Callable[..., RunResult]:
    """``lua_deliver("handlers.lua", "invoice.paid", {"customer": …}, …)``: has a handler script (a file relative to the
    test's) handle an event on ``lua_host``.

    The event is one that the simulator makes, with members of its object; or an event itself, as a mapping. Takes what
    ``Host.run`` takes, gives the run's ``RunResult``. Raises the script's ``ScriptError`` unless ``check=False``.
    """

    def run(
        handler: str | Path, event: str | Mapping[str, Any], values: Mapping[str, Any] | None = None, *,
        check: bool = True, **options: Any,
    ) -> RunResult:  # fmt: skip
        from host.testing.delivered_events import beside, deliver

        _, result = deliver(lua_host, beside(request.path, str(handler)), event, values, **options)
        return result.raise_for_error() if check else result

    return run


@pytest.fixture
def lua_fixture(
    request: pytest.FixtureRequest, lua_host: Host, lua_ledger: CreatedObjects
) -> Iterator[Callable[..., Any]]:
    """``lua_fixture("customer.lua", …)``: runs a script beside the test and returns its value.

    What the scripts created is undone after the test, last first.
    """
    from host.testing.fixtures import Scripts

    with Scripts(lua_host, lua_ledger, request.path.parent) as scripts:
        yield scripts.value
