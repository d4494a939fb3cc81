"""The common base of recorder and player: the run of each request, and the values that runs draw."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from host.cassettes.cassette import Cassette, CassettePart, Group, Interaction
from host.cassettes.interaction_forms import InteractionForms, title_of
from host.errors import CancelledCall
from host.http.message import Send

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.policy.redaction import Redactor

__all__ = ["Tape", "UnrecordedRequest"]


class UnrecordedRequest(CancelledCall):
    """A request that the cassette does not have. Nothing was sent, and the run ends."""

    def own_facts(self) -> dict[str, Any]:
        """The facts of a run that diverges from its recording."""
        return {**super().own_facts(), "kind": "diverged"}


class Tape:
    """A host's part in recording or replaying. ``test`` is the current test of a Lua file.

    ``name`` is the name of the host's first run, and the next ones are ``name 2``, ``name 3`` … Without it they are
    ``1``, ``2`` …
    ``owned`` is true if the host itself reads and writes the file.
    """

    replaying = False
    client: Any = None  # of a host that replays

    def __init__(self, cassette: Cassette | CassettePart, apis: Mapping[str, Api], redactor: Redactor) -> None:
        self.owned = isinstance(cassette, Cassette)
        self.cassette, self.name = cassette if isinstance(cassette, CassettePart) else (cassette, "")
        self.forms = InteractionForms(apis, redactor)
        self.test = ""
        self.goes_on = False  # continue after a request that is not recorded, so that only one of a file's tests fails
        self.unrecorded: list[str] = []  # requests that are not in the cassette
        self._lock = threading.Lock()
        self._count = 0
        self._runs: dict[str, str] = {}  # names in the cassette, by the runs' ids

    def begin(self, run_id: str) -> str:
        """Called when a run begins. Returns its name in the cassette."""
        with self._lock:
            self._count = number = self._count + 1
            name = f"{self.name} {number}" if self.name and number > 1 else self.name or str(number)
            self._runs[run_id] = name
        self.cassette.group(name, self.test)
        return name

    def begin_test(self, test: str) -> None:
        """Called when the next test of the file begins, to which later requests belong."""
        self.test = test
        self.cassette.group(self.name, test)

    def name_of(self, run_id: str) -> str:
        """The name of a run, or of requests that the program makes outside of runs."""
        return self._runs.get(run_id, self.name)

    def keys(self, run: str) -> str:
        """The text from which the idempotency keys of a run's calls are derived, unique to each recording."""
        raise NotImplementedError

    def drawn(self, run: str, label: str, draw: Callable[[], bytes | None]) -> bytes | None:
        """A value drawn by a run: a reading of the clock, or a random seed."""
        raise NotImplementedError

    def through(self, send: Send) -> Send:
        """The function to use in place of ``send``."""
        raise NotImplementedError

    def close(self) -> None:
        """Called when the host closes. Raises ``ConfigError`` if the file cannot be written."""

    def unreplayed(self) -> list[str]:
        """Descriptions of recorded requests that were not replayed."""
        return [described(name, each) for name, each in self.cassette.unreplayed()]

    def group(self, run: str) -> Group:
        """The group of a run, or of its current test."""
        return self.cassette.group(run, self.test)


def described(name: tuple[str, str], interaction: Interaction) -> str:
    """The description of an interaction: ``line 7: POST stripe /v1/products (run 2)``."""
    run, test = name
    whose = f" ({' › '.join(filter(None, [run if not run.isdecimal() else f'run {run}', test]))})" if run else ""
    return f"line {interaction.line}: {title_of(interaction.request)}{whose}"


def next_after(seed: str) -> str:
    """The seed after the last recorded one, the same on each replay."""
    return str(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big"))
