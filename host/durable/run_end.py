"""The end of a durable run: its status, and the record of how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from host.durable.database import Statement
from host.durable.journal import Journal
from host.errors import HostError, ScriptError
from host.run.result_type import written
from host.run.script import RunResult

if TYPE_CHECKING:
    from host.run.job import Why
    from host.run.session import Session

__all__ = ["Outcome", "RunEnd", "status_of"]

Outcome = Callable[[str, RunResult, bytes], Sequence[Statement]]
"""``outcome(status, result, value)`` returns statements that are committed together with a run's end, if this process
still owns the run. ``value`` is the result's value as it is recorded."""


class RunEnd:
    """Records the end of one run. ``unrecorded`` is then why it is not in the journal, or ``None``."""

    def __init__(self, journal: Journal, run_id: str, outcome: Outcome | None) -> None:
        self._journal = journal
        self._run_id = run_id
        self._outcome = outcome
        self.unrecorded: HostError | None = None

    def record(
        self,
        session: Session,
        returned: tuple[Any, tuple[Any, ...]],
        status: str,
        error: ScriptError | None,
        *,
        release: bool,
        printed: int,
        output: tuple[int, bytes],
        then: Callable[[], None],
    ) -> None:
        """Record the ``returned`` value and the rest of them; ``then()`` is called once that is committed, or has
        failed. With ``release`` the run's lease ends with it.
        """
        value, given = written(*returned), session.result
        assert given is not None

        def recorded(lost: HostError | None) -> None:
            self.unrecorded = lost
            if lost is not None and session.result is not None and session.result.error is None:
                text = f"{lost.message}; the script came to its end, which could not be recorded"
                failure = ScriptError(text, kind="journal", script=session.job.script.name, hint=lost.hint, cause=lost)
                session.result = replace(session.result, value=None, exit_status=None, error=failure)
            then()

        self._journal.end(
            self._run_id, status, printed=printed, calls=session.calls, value=value,
            error=error.message if error is not None else None, then=recorded, release=release,
            exit_status=given.exit_status, output=output,
            also=self._outcome(status, given, value) if self._outcome is not None else (),
        )  # fmt: skip


def status_of(error: ScriptError | None, why: Why | None, *, stopped: bool) -> str:
    """The status of a run that ended with ``error``, ``stopped`` or ended by the host for the reason ``why``."""
    if stopped:
        return "stopped"
    if error is None:
        return "done"
    if why is None or why == "stopped":
        return "failed"
    return "cancelled" if why == "cancelled" else "interrupted"
