"""What is done about a run from its page: taken up again, taken back, ended. Each by a host of its own, on a thread.

The page that asked need not stay: what became of it is kept for the run's page, with the end of its output.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

from host.durable.journal import Journal
from host.durable.records import RunRow
from host.durable.undo import Reversal
from host.durable.undoing import Undoing, undo
from host.errors import HostError, UsageError
from host.events import Event, Logged, Printed
from host.policy.private_members import without_private_text

if TYPE_CHECKING:
    from host.events import Sink
    from host.host import Host
    from host.run.script import RunResult

__all__ = ["Action", "OpenHost", "OutputEnd", "RunActions"]

AT_ONCE: Final = 4  # hosts; further actions wait for one of them to end
WAITING: Final = 100  # actions that may wait
KEPT: Final = 200  # actions that are remembered
ACTION_WAIT: Final = 1.0  # seconds an action is waited for: it is often over by then
AGAIN: Final = 0.05  # seconds
LONGEST_OUTPUT: Final = 64 * 1024

OpenHost = Callable[[RunRow, "Sequence[Sink]"], AbstractContextManager["Host"]]
"""Opens a host whose calls go where those of the run went."""


class OutputEnd:
    """A sink that keeps the end of what a run prints and logs."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._length = 0
        self._lock = Lock()
        self.cut = False

    def emit(self, event: Event) -> None:
        """Keep what is output, without private members."""
        if isinstance(event, Printed):
            text = without_private_text(event.text)
        elif isinstance(event, Logged):
            text = f"{event.level}: {without_private_text(event.text)}\n"
        else:
            return
        with self._lock:
            self._texts.append(text[-LONGEST_OUTPUT:])
            self._length += len(self._texts[-1])
            while self._length > LONGEST_OUTPUT and len(self._texts) > 1:
                self._length -= len(self._texts.popleft())
                self.cut = True

    def __str__(self) -> str:
        with self._lock:
            return "".join(self._texts)


class Action:
    """Something that was asked for: ``resume`` or ``undo``. ``outcome`` is empty until it has ended."""

    def __init__(self, what: str, run_id: str, began: float) -> None:
        self.what = what
        self.run_id = run_id
        self.began = began
        self.output = OutputEnd()
        self.outcome = ""
        self.failed = False
        self.cancelled = False
        self.host: Host | None = None
        self.futures: list[Future[None]] = []  # the one that does it, once there is one

    def interrupt(self) -> None:
        """Have it end, and wait until it has. A host knows nothing of a run that is about to begin: hence again."""
        while wait(self.futures, AGAIN).not_done:
            host = self.host
            if host is not None:
                host.interrupt()

    def end(self, outcome: str, *, failed: bool) -> None:
        """Say what became of it."""
        self.failed = failed
        self.outcome = outcome


class RunActions:
    """Does them. ``journal`` has the runs, ``open_host`` gives what carries one on.

    What is begun is waited for so many seconds (``patience``), so that its page mostly shows what became of it.
    """

    def __init__(self, journal: Journal, open_host: OpenHost, *, patience: float = ACTION_WAIT) -> None:
        self._journal = journal
        self._open_host = open_host
        self.patience = patience
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="host-dashboard")
        self._actions: OrderedDict[str, Action] = OrderedDict()  # run → the last one about it
        self._lock = Lock()
        self._closed = False

    def of(self, run_id: str) -> Action | None:
        """The last action about a run."""
        return self._actions.get(run_id)

    def resume(self, run: RunRow, *, in_doubt: str, recorded: bool) -> None:
        """Go on with a run. Raises ``UsageError`` where that cannot begin."""
        self._start("resume", run, lambda host: host.resume(run.id, in_doubt=in_doubt, recorded=recorded))

    def undo(self, run: RunRow, *, refunds: bool) -> None:
        """Take back what a run did. Raises ``UsageError`` where that cannot begin."""
        self._start("undo", run, lambda host: undo(host, run.id, refunds=refunds))

    def reversals(self, run: RunRow, *, refunds: bool) -> list[Reversal]:
        """What undoing a run would do, the first step first. Raises :class:`HostError`."""
        with self._open_host(run, ()) as host:
            host.durable_runs.check_bound(run)
            return Undoing(self._journal, run, host.durable_runs.apis, refunds=refunds).left

    def cancel(self, run_id: str) -> bool:
        """End what is done about a run here; whether there was something to end."""
        with self._lock:
            action = self._actions.get(run_id)
            if action is None or action.outcome:
                return False
            action.cancelled = True
        Thread(target=action.interrupt, name="host-dashboard-cancel", daemon=True).start()
        wait(action.futures, self.patience)
        return True

    def wait(self, run_id: str) -> None:
        """Wait for what is done about a run here."""
        action = self._actions.get(run_id)
        if action is not None:
            wait(action.futures)

    def close(self) -> None:
        """End what is under way, so that it can be gone on with, and wait for it. A second call does nothing."""
        with self._lock:
            self._closed = True
            under_way = [action for action in self._actions.values() if not action.outcome]
            for action in under_way:
                action.cancelled = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for action in under_way:
            action.interrupt()
        self._pool.shutdown()

    def _start(self, what: str, run: RunRow, work: Callable[[Host], RunResult]) -> None:
        if self._journal.is_running(run):
            raise UsageError(f"run {run.id} is being run")
        with self._lock:
            before = self._actions.get(run.id)
            if before is not None and not before.outcome:
                raise UsageError(f"{before.what} of run {run.id} is under way")
            if self._closed or sum(not action.outcome for action in self._actions.values()) >= AT_ONCE + WAITING:
                raise UsageError("too much is under way; try again later")
            action = Action(what, run.id, self._journal.clock())
            self._actions[run.id] = action
            self._actions.move_to_end(run.id)
            self._forget()
            action.futures.append(self._pool.submit(self._do, action, run, work))
        wait(action.futures, self.patience)

    def _forget(self) -> None:
        ended = [run_id for run_id, action in self._actions.items() if action.outcome]
        for run_id in ended[: max(0, len(self._actions) - KEPT)]:
            del self._actions[run_id]

    def _do(self, action: Action, run: RunRow, work: Callable[[Host], RunResult]) -> None:
        try:
            with self._open_host(run, [action.output]) as host:
                with self._lock:
                    action.host = host
                    cancelled = action.cancelled
                if cancelled:
                    action.end("cancelled", failed=True)
                    return
                result = work(host)
        except HostError as error:
            action.end(_told(error), failed=True)
        except Exception as error:
            action.end(f"{type(error).__name__}: this is a fault of luahost, not of the run", failed=True)
            raise
        else:
            self._end(action, result)
        finally:
            action.host = None

    def _end(self, action: Action, result: RunResult) -> None:
        if result.error is not None:
            action.end(_told(result.error), failed=True)
        elif action.what == "undo" and result.exit_status:
            action.end("not all of it could be taken back", failed=True)
        else:
            action.end("done", failed=False)


def _told(error: HostError) -> str:
    return without_private_text("\n".join(filter(None, [error.message, error.hint])))
