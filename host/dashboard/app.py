"""The pages, as an ASGI application: each reads the journal when it is asked for, and keeps nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from host.dashboard.access import COOKIE, Access, AccessGuard
from host.dashboard.actions import RunActions
from host.dashboard.fleet_pages import FleetPages
from host.dashboard.fleet_tables import FleetTables
from host.dashboard.rendering import STYLE, Rendering
from host.dashboard.request_fields import filter_of, form_of, is_id, newest, older, position_of, sequence_of
from host.dashboard.run_page import run_page_of
from host.durable.cancelling import cancel, is_cancelled
from host.durable.granted_secrets import granted_secrets
from host.durable.journal import Journal
from host.durable.kept_output import end_of_output
from host.durable.records import RunRow
from host.durable.run_list import STATES, RunFilter, recorded_calls, run_page, state_of
from host.errors import ConfigError, HostError, JournalError, UsageError
from host.secret import Secret

if TYPE_CHECKING:
    from host.fleet.jobs import JobRow

__all__ = ["Dashboard"]

ROWS: Final = 50  # runs on one page
MOST_REVERSALS: Final = 200
_FIELDS: Final = ("state", "script", "text", "since", "until")
_NAV: Final = (("/", "Runs"), ("/queues", "Queues"), ("/workers", "Workers"), ("/schedules", "Schedules"))
_IN_DOUBT: Final = ("ask", "repeat", "skip")

Endpoint = Callable[[Request], Awaitable[Response]]


class Dashboard:
    """``app`` is what to serve. ``secrets`` are shown on no page; ``tables`` are those of a fleet."""

    def __init__(
        self,
        journal: Journal,
        actions: RunActions,
        access: Access,
        *,
        secrets: Iterable[Secret] = (),
        tables: FleetTables | None = None,
    ) -> None:
        self._journal = journal
        self._actions = actions
        self._access = access
        self._render = Rendering(secrets)
        self._tables = tables
        fleet = FleetPages(tables, self._page)
        routes = [
            Route("/", self._reading(self._runs)),
            Route("/runs/{id}", self._reading(self._run)),
            Route("/runs/{id}/undo", self._reading(self._undo_page)),
            Route("/runs/{id}/resume", self._acting(self._resume), methods=["POST"]),
            Route("/runs/{id}/retry", self._acting(self._retry), methods=["POST"]),
            Route("/runs/{id}/cancel", self._acting(self._cancel), methods=["POST"]),
            Route("/runs/{id}/undo", self._acting(self._undo), methods=["POST"]),
            Route("/queues", self._reading(fleet.queues)),
            Route("/queue", self._reading(fleet.queue)),
            Route("/workers", self._reading(fleet.workers)),
            Route("/schedules", self._reading(fleet.schedules)),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/logout", self._acting(self._logout), methods=["POST"]),
            Route("/style.css", _style),
        ]
        handlers: dict[Any, Any] = {HTTPException: self._http_error, HostError: self._error, 500: self._fault}
        self.app: ASGIApp = AccessGuard(Starlette(routes=routes, exception_handlers=handlers), access)

    # -- pages

    def _runs(self, request: Request) -> Response:
        query = request.query_params
        only, after = filter_of(query), position_of(query)
        found = run_page(self._journal, only, after=after, limit=ROWS + 1)
        shown = found[:ROWS]
        counts = recorded_calls(self._journal, [run.id for run in shown if run.status != "done"])
        now = self._journal.clock()
        rows = [(run, state_of(run, now), max(run.calls, counts.get(run.id, 0))) for run in shown]
        more = len(found) > ROWS
        last = (shown[-1].created, shown[-1].id) if more else None
        kept = {name: query.get(name, "") for name in _FIELDS}
        return self._page(
            request, "runs.html", runs=rows, states=STATES, query=kept, filtered=only != RunFilter(),
            later=after is not None, first=newest(kept), older=None if last is None else older(kept, last),
        )  # fmt: skip

    def _run(self, request: Request) -> Response:
        after, run_id = sequence_of(request.query_params), request.path_params["id"]
        submitted, run = self._submitted(run_id), self._found(run_id)
        why = self._tables.why(submitted) if self._tables is not None and submitted is not None else None
        if run is None and submitted is None:
            raise _not_found(run_id)
        page = None if run is None else run_page_of(self._journal, run, after=after)
        self._render.mask(granted_secrets(self._journal, run_id))
        return self._page(
            request, "run.html", id=run_id, path=_path(run_id), run=run, page=page, after=after, submitted=submitted,
            why=why, output=end_of_output(self._journal, run_id), action=self._actions.of(run_id),
            cancelled=run is not None and is_cancelled(self._journal, run),
        )  # fmt: skip

    def _undo_page(self, request: Request) -> Response:
        run, refunds = self._asked(request), request.query_params.get("refunds") == "yes"
        found = self._actions.reversals(run, refunds=refunds)
        return self._page(
            request, "undo.html", run=run, path=_path(run.id), refunds=refunds, reversals=found[:MOST_REVERSALS],
            left_out=max(0, len(found) - MOST_REVERSALS), can=any(each.tries for each in found),
        )  # fmt: skip

    # -- actions

    def _resume(self, request: Request, form: dict[str, str]) -> Response:
        run, in_doubt = self._asked(request), form.get("in_doubt", "ask")
        if self._submitted(run.id) is not None:
            raise UsageError(f"run {run.id} is its fleet's, and is retried there")
        if in_doubt not in _IN_DOUBT:
            raise UsageError(f"in_doubt: expected one of {', '.join(_IN_DOUBT)}")
        self._actions.resume(run, in_doubt=in_doubt, recorded=form.get("recorded") == "yes")
        return RedirectResponse(_path(run.id), 303)

    def _retry(self, request: Request, form: dict[str, str]) -> Response:
        run_id = request.path_params["id"]
        if self._tables is None or self._submitted(run_id) is None:
            raise _not_found(run_id)
        self._tables.retry(run_id)
        return RedirectResponse(_path(run_id), 303)

    def _cancel(self, request: Request, form: dict[str, str]) -> Response:
        run_id = request.path_params["id"]
        if self._actions.cancel(run_id):
            return RedirectResponse(_path(run_id), 303)
        if self._tables is not None and self._submitted(run_id) is not None:
            self._tables.cancel(run_id)
        else:
            cancel(self._journal, self._asked(request))
        return RedirectResponse(_path(run_id), 303)

    def _undo(self, request: Request, form: dict[str, str]) -> Response:
        run = self._asked(request)
        if form.get("confirm", "").strip() != run.id:
            raise UsageError(f"nothing was undone: to confirm, type {run.id}")
        self._actions.undo(run, refunds=form.get("refunds") == "yes")
        return RedirectResponse(_path(run.id), 303)

    def _logout(self, request: Request, form: dict[str, str]) -> Response:
        self._access.logout(_session(request))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def _login(self, request: Request) -> Response:
        if self._access.is_open:
            return RedirectResponse("/", 303)
        if request.method != "POST":
            return self._page(request, "login.html", wrong=False)
        session = self._access.login((await form_of(request)).get("token", ""))
        if session is None:
            return self._page(request, "login.html", status=403, wrong=True)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    # -- what all have in common

    def _reading(self, endpoint: Callable[[Request], Response]) -> Endpoint:
        """An endpoint whose work waits for a database, and so is not the loop's."""

        async def answer(request: Request) -> Response:
            return await run_in_threadpool(endpoint, request)

        return answer

    def _acting(self, endpoint: Callable[[Request, dict[str, str]], Response]) -> Endpoint:
        """The same of one that does something: its form must be one of ours."""

        async def answer(request: Request) -> Response:
            form = await form_of(request)
            if not self._access.may_send(_session(request), form.get("form_token", "")):
                raise HTTPException(403, "This form is not from a page of this server, or from before it was started.")
            return await run_in_threadpool(endpoint, request, form)

        return answer

    def _asked(self, request: Request) -> RunRow:
        run_id = request.path_params["id"]
        run = self._found(run_id)
        if run is None:
            raise _not_found(run_id)
        return run

    def _submitted(self, run_id: str) -> JobRow | None:
        return self._tables.submitted(run_id) if self._tables is not None and is_id(run_id) else None

    def _found(self, run_id: str) -> RunRow | None:
        return self._journal.run(run_id) if is_id(run_id) else None

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        session = _session(request)
        inside = self._access.admits(session)
        return self._render(
            template, status, here=request.url.path, nav=_NAV if inside else (),
            form_token=self._access.form_token(session),
            can_log_out=inside and not self._access.is_open, journal=self._journal.name if inside else "", **values,
        )  # fmt: skip

    def _message(self, request: Request, status: int, heading: str, text: str, hint: str | None = None) -> Response:
        return self._page(request, "message.html", status, heading=heading, text=text, hint=hint)

    def _error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HostError)
        status = 503 if isinstance(error, JournalError) else 500 if isinstance(error, ConfigError) else 400
        return self._message(request, status, "This cannot be done", error.message, error.hint)

    def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        texts = {404: ("Not found", "There is no such page."), 405: ("Not allowed", "This page takes no such request.")}
        heading, text = texts.get(error.status_code, ("Refused", ""))
        told = error.detail if error.detail != HTTPStatus(error.status_code).phrase else text
        return self._message(request, error.status_code, heading, told)

    def _fault(self, request: Request, error: Exception) -> Response:
        text = f"{type(error).__name__}: this is a fault of luahost, or the journal holds what it never wrote."
        return self._message(request, 500, "This went wrong", text)


async def _style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css")


def _session(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def _path(run_id: str) -> str:
    return f"/runs/{quote(run_id)}"


def _not_found(run_id: str) -> HTTPException:
    return HTTPException(404, f"There is no run {run_id[:200]} in the journal.")
