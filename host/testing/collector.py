"""Collects Lua test files for pytest: each is a module with one function per ``it``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from host.errors import ScriptError
from host.testing.cases import Fixtures, LuaTest, Outcome, describe
from host.testing.plugin import with_cassette, with_coverage
from host.testing.suite import LuaTestFile


class LuaFailureError(Exception):
    """A failed Lua test, with the text to show."""


class LuaFile(pytest.Module):
    """A file of Lua tests. It runs from its first test to the teardown of the last one."""

    def _getobj(self) -> ModuleType:
        """An empty Python module, by which plugins can distinguish files."""
        return ModuleType(self.path.stem)

    def _open(self, options: dict[str, Any] | None = None) -> LuaTestFile:
        return LuaTestFile(self.path, self._name, limit=self._limit(), options=options)

    @property
    def _name(self) -> str:
        try:
            return os.path.relpath(self.path, self.config.invocation_params.dir)
        except ValueError:  # another drive
            return str(self.path)

    def _limit(self) -> float:
        text = self.config.getini("lua_test_timeout")
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not seconds > 0:
            raise pytest.UsageError(f"lua_test_timeout is {text!r}; expected seconds above 0")
        return seconds

    def collect(self) -> Iterator[pytest.Item]:
        """Load the file once to find its tests."""
        file = self._open()
        try:
            tests = file.tests()
        except ScriptError as error:
            raise self.CollectError(describe(error)) from None
        finally:
            file.close()
        seen: Counter[str] = Counter()
        for test in tests:
            seen[test.name] += 1
            name = test.name if seen[test.name] == 1 else f"{test.name} #{seen[test.name]}"
            yield LuaItem.from_parent(self, name=name, callobj=_runner(self, test), originalname=name)

    def setup(self) -> None:
        """Do nothing: the options are known with the first test."""
        self._file: LuaTestFile | None = None
        items = (item for item in self.session.items if isinstance(item, LuaItem) and item.parent is self)
        self._to_come = {item.test.index: item.test for item in items}

    def run(self, test: LuaTest, fixtures: Fixtures, options: dict[str, Any]) -> Outcome:
        """Run one of the tests. The options of the file's first test apply to all."""
        if self._file is None:
            given = with_coverage(self.config, with_cassette(self.config, self._name, options))
            self._file = self._open(given)
        self._to_come.pop(test.index, None)
        return self._file.run(test, fixtures, self._to_come.values())

    def teardown(self) -> None:
        """End the file's run; a failed ``teardown`` in it is an error of its last test."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except ScriptError as error:
                raise LuaFailureError(describe(error)) from None


class LuaItem(pytest.Function):
    """One ``it``."""

    test: LuaTest

    def __init__(self, *, callobj: Any, **kwargs: Any) -> None:
        super().__init__(callobj=callobj, **kwargs)
        self.test = callobj.test

    def reportinfo(self) -> tuple[Path, int, str]:
        """The place of the ``it``."""
        return self.path, self.test.line - 1, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """The text of a Lua failure, or pytest's representation of any other error."""
        if isinstance(excinfo.value, LuaFailureError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **kwargs)


class _PytestFixtures(Fixtures):
    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def get(self, name: str) -> Any:
        try:
            return self._request.getfixturevalue(name)
        except pytest.FixtureLookupError as error:
            raise LookupError(f'fixture("{name}"): pytest has no fixture of this name') from error


def _runner(file: LuaFile, test: LuaTest) -> Callable[..., None]:
    """The test as a Python function, to which pytest can pass fixtures."""

    def run(request: pytest.FixtureRequest, lua_host_options: dict[str, Any]) -> None:
        if test.pending:
            raise pytest.skip.Exception("pending", _use_item_location=True)
        try:
            outcome = file.run(test, _PytestFixtures(request), lua_host_options)
        except ScriptError as error:
            outcome = Outcome("failed", error)
        if outcome.output:
            request.node.add_report_section("call", "stdout", outcome.output)
        if outcome.error is not None:
            raise LuaFailureError(describe(outcome.error)) from outcome.error.cause
        if outcome.status == "pending":
            raise pytest.skip.Exception(outcome.reason or "pending", _use_item_location=True)

    run.test = test  # type: ignore[attr-defined]
    return run
