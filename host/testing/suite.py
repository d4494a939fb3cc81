"""One file of Lua tests, which are run one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from host.errors import ScriptError
from host.limits import Limits
from host.testing.cases import Fixtures, LuaTest, Outcome, failure
from host.testing.running import HARNESS, Running

LIMIT = 60.0  # seconds for one test
LUA_TIME = 10.0  # seconds a test may compute between two calls


class LuaTestFile:
    """The tests of the file at ``path``, shown as ``name`` in messages.

    ``limit`` is seconds for one test; ``options`` are :class:`~host.host.Host`'s (default: simulated).
    ``tests()`` and ``run()`` start the file as needed, and start it again after a test that ended its run (by an
    endless loop); ``close()`` or ``kill()`` ends it. ``seed`` makes ids and random numbers reproducible. For use by one
    thread.
    """

    def __init__(
        self,
        path: Path,
        name: str | None = None,
        *,
        limit: float = LIMIT,
        options: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.name = name or str(path)
        self._limit = limit
        self._options = {"simulate": True, "limits": Limits(lua_time=LUA_TIME), **(options or {})}
        self._seed = seed
        self._starts = 0
        self._running: Running | None = None
        self.not_modelled: tuple[str, ...] = ()
        """What a lenient simulator answered by shape alone, once the file's runs have ended."""

    def tests(self) -> list[LuaTest]:
        """The tests in the order of the file. Raises ``ScriptError`` for a file that does not load."""
        return self._started().tests

    def run(self, test: LuaTest, fixtures: Fixtures | None = None, later: Iterable[LuaTest] = ()) -> Outcome:
        """Run one test of :meth:`tests`. Raises ``ScriptError`` if the file no longer loads.

        ``later`` are the tests still to come, in any order: a block's ``teardown`` runs after its last.
        """
        running = self._started()
        if test.index >= len(running.tests) or running.tests[test.index].names != test.names:
            raise ScriptError(
                f"the file declares other tests than when it was collected: no {test.name!r} at its place",
                script=self.name,
                line=test.line,
            )
        try:
            return running.run(test, fixtures or Fixtures(), later)
        except ScriptError as error:  # the test ended the whole run
            self._running = None
            output = self._ended(running)
            return Outcome("failed", self._placed(error, test), output=output)

    def close(self) -> None:
        """Run the teardowns, end the run and its host. Raises ``ScriptError`` of a failed teardown."""
        running, self._running = self._running, None
        if running is None:
            return
        try:
            running.finish()
        finally:
            self._ended(running)

    def kill(self) -> None:
        """End the file's run immediately, without its teardowns."""
        running, self._running = self._running, None
        if running is not None:
            self._ended(running)

    def _ended(self, running: Running) -> str:
        """End a run of the file. Returns its output."""
        self.not_modelled = tuple(dict.fromkeys((*self.not_modelled, *running.not_modelled)))
        return running.close_and_take_output()

    def _started(self) -> Running:
        if self._running is None:
            running = Running(self.path, self.name, self._limit, {**self._options, **self._seeded()}, self._seed)
            try:
                running.begin()
            except ScriptError:
                self._ended(running)
                raise
            self._running = running
        return self._running

    def _seeded(self) -> dict[str, Any]:
        """Options for a simulator whose ids are derived from the seed, if there is one and a simulator is used."""
        self._starts += 1
        if self._seed is None or "simulator" in self._options or not self._options["simulate"]:
            return {}
        from host.apis.stripe import load
        from host.simulator.simulator import Simulator

        lenient = bool(self._options.get("lenient"))
        return {"simulator": Simulator(load(), seed=(self._seed, self.name, self._starts), lenient=lenient)}

    def _placed(self, error: ScriptError, test: LuaTest) -> ScriptError:
        """The error that ended a run, with the test's line if it has no line in the file."""
        if error.line is not None and error.script != HARNESS:
            return error
        facts = {**error.facts, "script": self.name, "line": test.line}
        return failure(facts, self.path, self.name)
