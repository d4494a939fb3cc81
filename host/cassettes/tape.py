"""What the recorder and the player of a host have in common: whose each request is, and what a run draws."""

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
    """A request that the cassette does not have: nothing was sent, and the run is over."""

    def own_facts(self) -> dict[str, Any]:
        """As of a durable run that does something else than it did."""
        return {**super().own_facts(), "kind": "diverged"}


class Tape:
    """A host's side of a cassette. ``test`` is the test of a Lua file that runs now.

    ``name`` begins the names of the host's runs: the first is called that, or 1 without one, the next ones 2, 3 …
    ``owned``: the host reads and writes the file, rather than whoever shares it out.
    """

    replaying = False
    client: Any = None  # of a host that replays

    def __init__(self, cassette: Cassette | CassettePart, apis: Mapping[str, Api], redactor: Redactor) -> None:
        self.owned = isinstance(cassette, Cassette)
        self.cassette, self.name = cassette if isinstance(cassette, CassettePart) else (cassette, "")
        self.forms = InteractionForms(apis, redactor)
        self.test = ""
        self.goes_on = False  # after a request that is not recorded: where a run has many tests, only one of them fails
        self.unrecorded: list[str] = []  # what was asked for and is not in the cassette
        self._lock = threading.Lock()
        self._count = 0
        self._runs: dict[str, str] = {}  # names in the cassette, by the runs' ids

    def begin(self, run_id: str) -> str:
        """A run begins: its name in the cassette."""
        with self._lock:
            self._count = number = self._count + 1
            name = f"{self.name} {number}" if self.name and number > 1 else self.name or str(number)
            self._runs[run_id] = name
        self.cassette.group(name, self.test)
        return name

    def begin_test(self, test: str) -> None:
        """The file's next test begins; what is asked from now on is its."""
        self.test = test
        self.cassette.group(self.name, test)

    def name_of(self, run_id: str) -> str:
        """The name of a run, or of what the program asks itself, which belongs to none."""
        return self._runs.get(run_id, self.name)

    def keys(self, run: str) -> str:
        """What the idempotency keys of a run's calls are made of: one for each recording."""
        raise NotImplementedError

    def drawn(self, run: str, label: str, draw: Callable[[], bytes | None]) -> bytes | None:
        """What a run draws: a reading of the clock, a random seed."""
        raise NotImplementedError

    def through(self, send: Send) -> Send:
        """What stands in the place of ``send``."""
        raise NotImplementedError

    def close(self) -> None:
        """The host closes; nothing is asked any more. Raises ``ConfigError`` where the file cannot be written."""

    def unasked(self) -> list[str]:
        """What is recorded and was never asked for, a line each."""
        return [described(name, each) for name, each in self.cassette.unasked()]

    def group(self, run: str) -> Group:
        """Of what belongs to a run, or to the test it is in."""
        return self.cassette.group(run, self.test)


def described(name: tuple[str, str], interaction: Interaction) -> str:
    """``line 7: POST stripe /v1/products (run 2)`` of an interaction that nobody asked for."""
    run, test = name
    whose = f" ({' › '.join(filter(None, [run if not run.isdecimal() else f'run {run}', test]))})" if run else ""
    return f"line {interaction.line}: {title_of(interaction.request)}{whose}"


def next_after(seed: str) -> str:
    """A random seed for a run that draws more of them than were recorded: the same each time."""
    return str(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big"))
