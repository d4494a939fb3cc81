"""Builds the webhooks of a handler script: the endpoint and the poller, the inbox, and the runs that handle events."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec
from msgspec.structs import replace

from host import arguments
from host.apis.json_values import decode_json
from host.errors import ConfigError, InvalidCall, ScriptError, UsageError
from host.limits import YEAR
from host.lua.syntax import syntax_fault
from host.run.handler_check import check_handlers, says_on
from host.run.options import RunOptions, ScriptLike, script_of
from host.run.script import RunResult, Script
from host.secret import Secret
from host.webhooks.dispatcher import Ended, Retry
from host.webhooks.event import MOST_VALUES, Paths
from host.webhooks.inbox import DueEvent, Inbox
from host.webhooks.senders import WebhookSender, sender_of
from host.webhooks.service import Polling, WebhookOptions, Webhooks

if TYPE_CHECKING:
    from host.durable.runs import DurableRuns, Kept

__all__ = ["HandlerKeywords", "HandlerOptions", "Parts", "open_webhooks"]


class Parts(msgspec.Struct, frozen=True):
    """What webhooks need of their host.

    ``wait`` runs a script to its end, ``ask`` fetches a page of Stripe's events, ``events`` returns the names of
    Stripe's event types. ``secret`` is the setting ``STRIPE_WEBHOOK_SECRET``. ``local`` is true if the API is the
    simulator or a server on this machine. ``mask`` has a secret redacted wherever it would be shown.
    """

    durable_runs: DurableRuns
    wait: Callable[[Script, RunOptions, Kept], Awaitable[RunResult]]
    ask: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
    events: Callable[[], Sequence[str]]
    secret: Secret | None
    local: bool
    mask: Callable[[Secret], None]


LATEST = 1e11  # seconds since 1970: beyond any time that dates have
_PATH = re.compile(r"/[^\s?#%\\]*")


class HandlerKeywords(TypedDict, total=False):
    """The fields of :class:`HandlerOptions` except ``secret``, as keyword arguments."""

    verify: str
    paths: Mapping[str, str]
    path: str | None
    tolerance: float
    concurrency: int
    attempts: int
    retry_delay: float
    ordered: bool
    name: str | None
    poll: float | None
    since: float | None
    tell: Callable[[Ended], None] | None


class HandlerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The keyword arguments of ``Host.webhooks``, where they are described. Raises ``UsageError`` for a wrong one."""

    secret: str | Secret | Sequence[str] | None = None
    verify: str = "stripe"
    paths: Mapping[str, str] = {}
    path: str | None = None
    tolerance: float = 300.0
    concurrency: int = 20
    attempts: int = 5
    retry_delay: float = 10.0
    ordered: bool = False
    name: str | None = None
    poll: float | None = None
    since: float | None = None
    tell: Callable[[Ended], None] | None = None

    def __post_init__(self) -> None:
        for name in ("tolerance", "retry_delay", "poll"):
            value = getattr(self, name)
            omitted = value is None and name == "poll"
            if not (omitted or (_is_number(value) and 0 < value <= YEAR)):
                raise arguments.wrong(name, value, "seconds above 0, at most a year")
        for name in ("concurrency", "attempts"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
                raise arguments.wrong(name, value, "a whole number from 1 to 10,000")
        if self.since is not None and not (_is_number(self.since) and 0 <= self.since < LATEST):
            raise arguments.wrong("since", self.since, "seconds since 1970")
        if self.since is not None and self.poll is None:
            raise UsageError("since is the time from which events are polled: give the interval too, with poll")
        if self.poll is not None and self.verify != "stripe":
            raise UsageError("poll asks Stripe for its events, and cannot be combined with verify for another sender")
        if self.path is not None and not (isinstance(self.path, str) and _PATH.fullmatch(self.path)):
            raise arguments.wrong("path", self.path, "a path such as /webhook")
        arguments.a_flag("ordered", self.ordered)
        if not (self.tell is None or callable(self.tell)):
            raise arguments.wrong("tell", self.tell, "a function that takes an event's outcome")

    def sender(self) -> WebhookSender:
        """The sender named by ``verify``, with ``paths`` applied. Raises ``UsageError``."""
        arguments.an_instance("verify", self.verify, str, "stripe, github, … or hmac-sha256:HEADER")
        known = Paths.__struct_fields__
        for name, path in arguments.mapping("paths", self.paths, "the paths of members of the body").items():
            if name not in known or not isinstance(path, str) or not all(path.split(".")):
                raise UsageError(f"paths: {name}={path}: expected the path in the body of one of {', '.join(known)}")
        found = sender_of(self.verify)
        return replace(found, paths=replace(found.paths, **self.paths)) if self.paths else found

    def secrets(self, setting: Secret | None, *, local: bool) -> list[str]:
        """The secrets that requests may be signed with. Raises ``ConfigError`` if one is needed and there is none."""
        given = self.secret
        if not (given is None or isinstance(given, str | Secret | list | tuple)):
            raise arguments.wrong("secret", given, "the endpoint's secret (whsec_…), or a list of secrets")
        if given is None and self.verify == "stripe":
            given = setting
        text = given.reveal() if isinstance(given, Secret) else given
        found = text.split(",") if isinstance(text, str) else list(text or ())
        if not all(isinstance(each, str) and each.strip() for each in found):
            raise UsageError("secret: expected the endpoint's secret (whsec_…) as a string, or a list of strings")
        simulated = local and self.verify == "stripe"
        if not found and self.poll is None and not simulated:
            hint = "the Dashboard shows it (whsec_…); set STRIPE_WEBHOOK_SECRET, --secret or secret="
            raise ConfigError(
                "there is no secret to verify webhooks with: anyone who reaches the endpoint could send events",
                hint=hint if self.verify == "stripe" else "give the sender's signing secret with --secret or secret=",
            )
        return [each.strip() for each in found]


def open_webhooks(parts: Parts, handler: ScriptLike, options: HandlerOptions, run: RunOptions) -> Webhooks:
    """Return the webhooks that ``handler`` handles, in runs with the options ``run``.

    Raises ``UsageError`` and ``ConfigError`` for wrong options, and ``ScriptError`` for a handler script in which a
    fault can be found without running it.
    """
    script = script_of(handler, "handler")
    name = options.name if options.name is not None else re.sub(r"\.lua\Z", "", script.name.rpartition("/")[2])
    if not isinstance(name, str) or not name:
        raise arguments.wrong("name", name, "a string that is not empty")
    name = _safe(name)
    sender = options.sender()
    secrets = options.secrets(parts.secret, local=parts.local)
    for secret in secrets:
        parts.mask(Secret(secret))
    sender.check(secrets)
    check_handlers(script, parts.events() if options.verify == "stripe" else ())
    polling = None
    if options.poll is not None:
        polling = Polling(parts.ask, options.poll, options.since)

    async def handle(event: DueEvent) -> RunResult:
        job: dict[str, Any] = {"run_id": f"{name}:{_safe(event.id)}", "globals": {"event": _value(event)}}
        job |= {"args": run.args, "sinks": run.sinks}
        current = script if script.folder is None else script_of(handler, "handler")  # read the file again
        if current.source != script.source and _handles_nothing(current):
            # The file may be read while it is written; the event must not count as one that has no handler.
            raise UsageError(f"{current.name} has no on(…) any more, so it would not handle any event")
        kept = await asyncio.to_thread(begin, job, current, name, 0, force_new=False)
        if isinstance(kept, RunResult):
            return kept
        return await parts.wait(kept.script, run, kept)

    begin = parts.durable_runs.batches.begin
    chosen = WebhookOptions(
        sender=sender,
        secrets=secrets,
        path=options.path,
        tolerance=options.tolerance,
        concurrency=options.concurrency,
        retry=Retry(options.attempts, options.retry_delay),
        ordered=options.ordered,
    )
    inbox = Inbox(parts.durable_runs.journal, name)
    return Webhooks(inbox, handle, chosen, polling=polling, tell=options.tell or _nothing)


def _handles_nothing(script: Script) -> bool:
    """Whether a string that compiles has no ``on``; one that does not fails as it is run."""
    return not says_on(script.source) and not syntax_fault(script.source, script.name)


def _nothing(ended: Ended) -> None:
    return None


def _value(event: DueEvent) -> dict[str, Any]:
    """The value the handler receives: the sender's body, which has at least ``id`` and ``type``."""
    try:
        value: dict[str, Any] = decode_json(event.payload.encode(), MOST_VALUES)
    except (ValueError, RecursionError) as error:
        raise ScriptError(f"the event {event.id} cannot be read: {error}", kind="invalid") from InvalidCall(str(error))
    return {"id": event.id, **value, "type": event.type}


def _safe(text: str) -> str:
    """``text`` as a part of a run's id. Characters an id may not have are replaced, and a digest keeps ids distinct."""
    made = re.sub(r"[^A-Za-z0-9._-]", "-", text).lstrip("-._")[:40]
    return made if made == text else f"{made}-{hashlib.sha256(text.encode()).hexdigest()[:12]}".lstrip("-")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
