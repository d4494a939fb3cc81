"""The HTML sink: a page of a trace, whole and harmless whatever the events say, opened in a browser."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from host import Host, Script
from host.events import CallEnded, CallStarted, Event, Logged, Printed, RunEnded, RunStarted
from host.report.html import HtmlSink
from tests.report.chromium import dom_of, needs_chromium

HOSTILE = [
    "</script><script>document.title='owned'</script>",
    "<!--<script>", "-->", "]]>", "</SCRIPT >", "<img src=x onerror=\"document.title='owned'\">", "\u2028\u2029",
    "{{script}}", "javascript:alert(1)", "\x00\x1b[31m", "\ud800", "'\"&<>`", "__proto__",
]  # fmt: skip


class Scripts(HTMLParser):
    """The script elements of a page, as a browser's parser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.found.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found and self.lasttag == "script":
            attributes, text = self.found[-1]
            self.found[-1] = (attributes, text + data)


def calls(count: int, text: str = "") -> list[Event]:
    """The events of one run with so many calls in 50 tasks, some failed, some sent again."""
    made: list[Event] = [RunStarted("run_1", 1000.0, f"pay{text}.lua", source=f"local a\nmake()\n-- {text}")]
    for number in range(1, count + 1):
        at = 1000 + number * 0.01
        operation = f"stripe.products.create{text}"
        again = number % 7 == 0
        made.append(CallStarted("run_1", at, number, operation, 2, {"name": f"n{number}{text}"}, f"1.{number % 50}"))
        last = {
            "offset": 0.5 if again else 0.01, "duration": 0.2, "connect": 0.05 if number == 1 else 0.0, "waited": 0.0,
            "held": 0.005, "status": 200, "error": None,
        }  # fmt: skip
        first = {**last, "offset": 0.01, "duration": 0.1, "status": 503}
        sent = {"headers": [["Accept", f"a/b{text}"]], "body": f"name=n{number}{text}", "size": 6}
        detail = {"tries": [first, last] if again else [last], "request": sent, "response": sent}
        ended = CallEnded(
            "run_1", at + 0.72, number, operation, 0.72, "POST", f"https://api.example/v1/{text}", 200, "req_1",
            2 if again else 1, f"prod_{number}", {"kind": "api", "message": f"no{text}"} if number % 11 == 0 else None,
            0.005, detail,
        )  # fmt: skip
        made.append(ended)
    return [*made, Printed("run_1", 2000.0, f"out{text}"), Logged("run_1", 2000.0, "warn", text)]


def page_of(events: list[Event], *, ended: bool = True) -> str:
    """What the sink writes of them."""
    stream = io.StringIO()
    sink = HtmlSink(stream)
    for event in [*events, *([RunEnded("run_1", 2000.0, 1000.0, 1)] if ended else [])]:
        sink.emit(event)
    if ended:
        sink.close()
    return stream.getvalue()


def told(page: str) -> list[dict[str, Any]]:
    """The events within a page."""
    return [json.loads(line) for line in Scripts(page).found[-1][1].splitlines() if line]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_an_event_becomes_markup(text: str) -> None:
    """Whatever stands in names, arguments, bodies, headers, output and source, the page has the same elements."""
    plain, hostile = Scripts(page_of(calls(3))), Scripts(page_of(calls(3, text)))
    assert hostile.tags == plain.tags
    assert len(hostile.found) == 2
    assert hostile.found[0] == plain.found[0]
    assert told(page_of(calls(3, text)))[-3]["text"] == f"out{text}"
    assert hostile.found[-1][1].isascii()


def test_the_page_loads_nothing_and_runs_one_program() -> None:
    """Its policy allows its own two inline texts by their hash and nothing else, and it names no address."""
    page = page_of([])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; "
        "form-action 'none'",
        policy[1],
    )
    assert re.findall(r"\b(?:https?:)?//[a-z]|\bsrc=|\bhref=|@import|url\(", page) == []
    assert "{{" not in page.replace("${{", "")
    assert "innerHTML" not in page


def test_private_members_are_not_in_the_page() -> None:
    """Arguments, bodies and answers of a simulated run keep a card's number and what Stripe says is secret out."""
    stream = io.StringIO()
    with Host(simulate=True, sinks=[HtmlSink(stream)]) as host:
        code = """
            local m = stripe.payment_intents.create{
              amount = 100, currency = "usd", metadata = {note = card, password = word}}
            return m.client_secret"""
        done = host.run(Script.of(code), globals={"card": "4242424242424242", "word": "hushhush"})
    assert done.error is None
    assert stream.getvalue().count("[redacted]") >= 4  # the password as it was given, sent and answered; the secret
    assert stream.getvalue().count("…4242".encode("ascii", "backslashreplace").decode()) >= 2
    for secret in ("4242424242424242", "hushhush", str(done.value)):
        assert secret not in stream.getvalue()


@needs_chromium
@pytest.mark.parametrize("count", [0, 1, 100, 50_000])
def test_a_browser_opens_pages_of_any_size(tmp_path: Path, count: int) -> None:
    """The counts are right, and only rows in view are elements."""
    page = tmp_path / "t.html"
    page.write_text(page_of(calls(count)))
    dom = dom_of(page)
    assert f"{count:,} of {count:,} calls" in dom
    rows = re.findall(r'<div class="row (task|call)', dom)
    assert len(rows) <= 100
    assert ("call" in rows) == (count > 0)
    assert f'aria-rowcount="{count + min(count, 50)}"' in dom


@needs_chromium
def test_a_page_of_a_killed_run_opens(tmp_path: Path) -> None:
    """Cut in the middle of a line, it shows what was whole; a call without its end has no answer."""
    page = tmp_path / "t.html"
    events = calls(3)
    whole = page_of([*events[:5], events[5]], ended=False)
    page.write_text(whole + '{"event": "call_ended", "run_id": "run_1", "at": 10')
    dom = dom_of(page)
    assert "3 of 3 calls" in dom
    assert "not ended" in dom
    assert dom.count("no answer") >= 1


@needs_chromium
@pytest.mark.parametrize("call", [1, 7, 11])
def test_a_call_is_shown_with_its_line_and_nothing_of_it_runs(tmp_path: Path, call: int) -> None:
    """All hostile texts at once: the details show them as text, and the page's title stays its own."""
    page = tmp_path / "t.html"
    text = " ".join(each for each in HOSTILE if each != "\ud800")
    page.write_text(page_of(calls(12, text)))
    dom = dom_of(page, f"#call={call}")
    assert "<title>Trace: pay" in dom
    assert "<img" not in dom
    details = dom[dom.index("<aside") : dom.index("</aside")]
    assert '<mark aria-current="true">   2  make()</mark>' in details
    assert "&lt;/script&gt;" in details
    for part in ("queue", "limit", "connect", "wait", "script") if call == 1 else ("queue", "limit", "wait", "retry"):
        if call in (1, 7):
            assert f"<dd>{part}: " in details
    assert ("Attempts" in details) == (call == 7)
    assert ("<h3>Error</h3>" in details) == (call == 11)


@needs_chromium
def test_a_screen_reader_gets_rows_and_their_times(tmp_path: Path) -> None:
    """A treegrid with its rows' places and levels, bars with a text, labelled controls, counts that are announced."""
    page = tmp_path / "t.html"
    page.write_text(page_of(calls(2)))
    dom = dom_of(page, "#call=1")
    for part in (
        'role="treegrid"', 'role="row"', 'aria-level="2"', 'aria-rowindex="2"', 'aria-selected="true"', 'role="status"',
        'aria-activedescendant="row1"', 'aria-expanded="true"', 'lang="en"',
    ):  # fmt: skip
        assert part in dom
    assert re.search(r'aria-label="queue [\d.]+ ms, limit [\d.]+ ms, connect [\d.]+ ms, wait [\d.]+ ms', dom)
    assert len(re.findall("<label>", dom)) == len(re.findall(r"<(?:input|select) ", dom))
