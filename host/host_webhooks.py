"""How a program takes webhooks with its host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack, cast

from host import arguments
from host.bridge.registry import AsyncFunctionRegistry
from host.host_runs import RunsOfHost
from host.run.options import RunKeywords, RunOptions, ScriptLike
from host.secret import Secret
from host.settings import Settings

if TYPE_CHECKING:
    from host.webhooks.assembly import HandlerKeywords
    from host.webhooks.service import Webhooks

__all__ = ["WebhooksOfHost"]


class WebhooksOfHost(RunsOfHost):
    """The part of :class:`~host.host.Host` that has events handled."""

    registry: AsyncFunctionRegistry
    settings: Settings
    simulated: bool
    _webhooks: list[Webhooks]

    def webhooks(
        self,
        handler: ScriptLike,
        *,
        secret: str | Secret | Sequence[str] | None = None,
        run: RunKeywords | None = None,
        **options: Unpack[HandlerKeywords],
    ) -> Webhooks:
        """An ASGI application that takes events and has ``handler``, a script that says ``on(…)``, handle each once.

        A request is answered with 200 when its signature fits one of ``secret`` (by default the setting
        ``stripe_webhook_secret``) and the event is in the journal; each is then handled by a durable run of its own,
        ``NAME:EVENT``, with the keywords of :meth:`run` in ``run``. What fails is tried again: ``attempts`` (5) in all,
        ``retry_delay`` (10 seconds) before the second, doubled each time. ``ordered``: those of one object one after
        the other. ``concurrency`` (20) handlers run at once. ``poll`` (seconds) asks ``/v1/events`` instead, from now
        on or ``since`` (seconds since 1970). ``verify`` and ``paths`` are for other senders than Stripe
        (docs/events.md). Handling begins with the first request, or with ``start()``; it ends with ``close()``, or
        with the host. Raises ``UsageError``, ``ConfigError`` without a secret, and ``ScriptError`` for a handler that
        does not compile, says ``on`` nowhere, or names an event that there is not.
        """
        from host.webhooks.assembly import HandlerOptions, Parts, open_webhooks  # few programs take any

        self._runs.check_open()
        keywords = run if run is None else arguments.mapping("run", run, "keywords of Host.run")
        parts = Parts(
            durable_runs=self.durable_runs,
            wait=self._runs.wait_async,
            ask=lambda asked: self.registry.make_request_async("events", "GET", asked),
            events=self._runs.services.pipeline.names.event_names,
            secret=self.settings.stripe_webhook_secret,
            local=self.simulated or self.settings.is_local,
            mask=self._runs.services.redactor.add,
        )
        chosen = HandlerOptions(secret=secret, **options)
        found = open_webhooks(parts, handler, chosen, RunOptions.of("webhooks", cast("RunKeywords", keywords or {})))
        self._webhooks.append(found)
        return found
