"""The calls of runs as one self-contained page: a waterfall by task, with what was sent, answered and when.

The page is ``trace_page.html`` with its style and its program inside; below it stand the events, one JSON object a
line, written as they happen. A page whose run was killed lacks its end, but still opens. Its
Content-Security-Policy allows only that one script to run and nothing to be loaded.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TextIO

from msgspec.structs import replace

from host.events import CallEnded, CallStarted, Event, Logged, Printed, RunStarted
from host.policy.private_members import without_private, without_private_text
from host.report.jsonl import json_line
from host.report.trace_writer import TraceWriter

__all__ = ["HtmlSink"]


class HtmlSink:
    """Writes the page to ``stream``."""

    detailed = True

    def __init__(self, stream: TextIO) -> None:
        self._writer = TraceWriter(stream)
        self._writer.write(_page())

    @property
    def failure(self) -> OSError | ValueError | None:
        return self._writer.failure

    def emit(self, event: Event) -> None:
        # In JSON "<" occurs only in strings, where it can be escaped: so nothing in them ends the element they are in.
        self._writer.write(json_line(_shown(event)).replace("<", "\\u003c") + "\n")

    def close(self) -> None:
        """Finish the page."""
        self._writer.write("</script>\n</body>\n</html>\n")


def _page() -> str:
    """The page up to its events."""
    style, script, page = (
        files("host.report").joinpath(f"trace_page.{ending}").read_text("utf-8") for ending in ("css", "js", "html")
    )
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    for name, text in (("policy", policy), ("style", style), ("script", script)):
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


def _hash(text: str) -> str:
    """The hash by which a policy allows an inline text (CSP Level 3, 2.3.1)."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _shown(event: Event) -> Event:
    """The event without private members."""
    match event:
        case Printed() | Logged():
            return replace(event, text=without_private_text(event.text))
        case RunStarted():
            return replace(event, source=None if event.source is None else without_private_text(event.source))
        case CallStarted():
            return replace(event, arguments=without_private(event.arguments))
        case CallEnded():
            return replace(event, url=without_private_text(event.url), error=without_private(event.error))
    return event
