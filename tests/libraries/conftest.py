"""What the tests of the libraries share: hosts with grants, and servers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host import Host, RunResult
from host.policy.permissions import Permissions
from tests.libraries.servers import Serving, WebApp


@pytest.fixture
def script() -> Iterator[Callable[..., RunResult]]:
    """``script(code, host={…}, check=False, globals={…}, net=…, sql=…)``: a run with these grants."""
    with contextlib.ExitStack() as stack:
        hosts: dict[str, Host] = {}

        def run(
            code: str,
            *,
            check: bool = True,
            host: dict[str, Any] | None = None,
            globals: dict[str, Any] | None = None,
            timeout: float | None = None,
            **grants: Any,
        ) -> RunResult:
            key = repr((host, sorted(grants.items())))
            if key not in hosts:
                options = {"simulate": True, "permissions": Permissions(**grants), **(host or {})}
                hosts[key] = stack.enter_context(Host(**options))
            result = hosts[key].run_source(code, globals=globals, timeout=timeout)
            if check:
                result.raise_for_error()
            return result

        yield run


@pytest.fixture(scope="session")
def _web() -> Iterator[tuple[Serving, WebApp]]:
    app = WebApp()
    server = Serving(app)
    yield server, app
    server.close()


@pytest.fixture
def app(_web: tuple[Serving, WebApp]) -> WebApp:
    """What ``web`` was asked in this test."""
    _web[1].seen.clear()
    return _web[1]


@pytest.fixture
def web(_web: tuple[Serving, WebApp], app: WebApp) -> Serving:
    return _web[0]
