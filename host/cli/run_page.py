"""``runs show --html``: recorded runs as the page of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from host.durable.granted_secrets import granted_secrets
from host.durable.recorded_events import recorded_events
from host.durable.undoing import taken_back
from host.errors import ConfigError
from host.events import CallStarted
from host.policy.redaction import Redactor
from host.report.html import HtmlSink
from host.settings import Settings

if TYPE_CHECKING:
    from host.durable.journal import Journal
    from host.durable.records import RunRow

__all__ = ["write_page"]


def write_page(file: str, store: Journal, runs: Sequence[RunRow], settings: Settings) -> int:
    """Write the page to ``file``; returns how many calls it shows. Raises ``ConfigError`` if it cannot be written."""
    known = (settings.stripe_secret_key, settings.graphql_token)
    redactor = Redactor([secret for secret in known if secret])
    calls = 0
    try:
        with open(file, "w", encoding="utf-8", newline="\n") as stream:
            page = HtmlSink(stream)
            for run in runs:
                for secret in granted_secrets(store, run.id):
                    redactor.add(secret)
                for event in recorded_events(run, store.records(run.id), redactor, taken_back(store, run)):
                    calls += isinstance(event, CallStarted)
                    page.emit(event)
            page.close()
        failure = page.failure
    except OSError as error:
        failure = error
    if failure is not None:
        raise ConfigError(f"--html {file} cannot be written: {getattr(failure, 'strerror', None) or failure}")
    return calls
