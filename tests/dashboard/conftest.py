"""A journal with runs, and a browser that asks the dashboard for pages of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from host import Host, RunResult
from host.dashboard.access import Access
from host.dashboard.actions import RunActions
from host.dashboard.app import Dashboard
from host.dashboard.fleet_tables import FleetTables
from host.durable.journal import Journal
from host.durable.records import RunRow
from host.events import Sink
from host.secret import Secret
from tests.durable.lab import Lab

TOKEN = "a-token-of-some-length"
KEY = "sk_test_51Hxnotreal"


class Page(HTMLParser):
    """A page as a browser's parser reads it: its elements, its forms with their fields, its text."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}
        self._texts: list[str] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "form":
            self._form = self.forms[found["action"] or ""] = {}
        elif tag == "input" and found.get("type") == "hidden":
            self._form[found["name"] or ""] = found["value"] or ""

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        """What is read on it, its blanks as one."""
        return re.sub(r"\s+", " ", " ".join(self._texts))

    def links(self, start: str = "") -> list[str]:
        """Where its links lead that begin so."""
        return [href for tag, each in self.elements if tag == "a" and (href := each["href"] or "").startswith(start)]

    @property
    def rows(self) -> list[str]:
        """The headings of the rows of its tables."""
        return [
            unescape(re.sub("<.*?>", "", each)) for each in re.findall(r'<th scope="row">(.*?)</th>', self.answer.text)
        ]

    def link(self, rel: str) -> str | None:
        """Where the link of this relation leads."""
        return next((each["href"] for tag, each in self.elements if tag == "a" and each.get("rel") == rel), None)


class Browser:
    """A client that keeps cookies, and sends forms as a page of the dashboard has them."""

    def __init__(self, app: ASGIApp, base: str = "http://127.0.0.1:8321") -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=base)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request, as it is."""
        return self._runner.run(self._client.request(method, path, **more))

    def open(self, path: str, **headers: str) -> Page:
        """A page, as a link leads to it."""
        return Page(self.ask("GET", path, headers=headers, follow_redirects=True))

    def send(self, page: str, action: str, **fields: str) -> Page:
        """Open a page, fill in its form and send it. Gives the page it leads to."""
        hidden = self.open(page).forms[action]
        return Page(self.ask("POST", action, data={**hidden, **fields}, follow_redirects=True))

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


class Board:
    """A journal, an API, and the dashboard of both."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.lab = Lab(folder)
        self.lab.path = url or self.lab.path
        self.journal = Journal.open(self.lab.path)
        self.actions = RunActions(self.journal, self._open, patience=60.0)
        self.tables: FleetTables | None = None
        self._browsers: list[Browser] = []

    def run(self, code: str, run_id: str, name: str = "pay.lua") -> RunResult:
        """A durable run that ends before this does."""
        with self.lab.host() as host:
            return host.run_source(code, name=name, run_id=run_id, durable=True)

    @contextmanager
    def _open(self, run: RunRow, sinks: Sequence[Sink]) -> Iterator[Host]:
        with Host(simulator=self.lab.api, journal=self.lab.path, sinks=sinks) as host:
            yield host

    def browser(self, access: Access | None = None, base: str = "http://127.0.0.1:8321") -> Browser:
        """Somebody who asks under this address."""
        access = access or Access(None, "127.0.0.1")
        app = Dashboard(self.journal, self.actions, access, secrets=[Secret(KEY)], tables=self.tables).app
        self._browsers.append(Browser(app, base))
        return self._browsers[-1]

    def close(self) -> None:
        for browser in self._browsers:
            browser.close()
        self.actions.close()
        self.journal.close()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path)
    yield board
    board.close()


@pytest.fixture
def browser(board: Board) -> Browser:
    """Somebody on this machine."""
    return board.browser()
