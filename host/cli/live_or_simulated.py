"""Whether a run is real or simulated, decided before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from host.errors import ConfigError, UsageError
from host.settings import Settings

__all__ = ["Mode", "choose", "not_modelled_lines"]


class Mode(msgspec.Struct, frozen=True):
    """``notice`` is one line to say on stderr before the first call, or ``None``."""

    simulate: bool
    notice: str | None = None


def choose(
    settings: Settings,
    *,
    simulate: bool,
    at_terminal: bool,
    command: str,
    require: Literal["live", "test"] | None = None,
    other_apis: bool = False,
    verb: str = "run",
) -> Mode:
    """Real with a key, simulated when asked to; without a key simulated at a terminal, refused elsewhere,
    so that a scheduled job never silently pays nobody. ``command`` is what the user would type after
    ``python -m host run`` (or another ``verb``), for the advice. A run with ``other_apis`` is real: without
    Stripe's key it may be about them alone, and a call to Stripe says what is missing. Raises
    :class:`ConfigError` or :class:`UsageError`."""
    if simulate:
        if require == "live":
            raise UsageError("--simulate and --require-live cannot be combined")
        return Mode(simulate=True)
    if require is not None:
        _insist(settings, require)
    if settings.has_key or other_apis:
        return Mode(simulate=False, notice=_live_notice(settings))
    if at_terminal:
        return Mode(
            simulate=True,
            notice="SIMULATED: no key is set, so nothing real happens. To go live: "
            f"STRIPE_SECRET_KEY=sk_… python -m host {verb} {command}",
        )
    raise ConfigError(
        f"STRIPE_SECRET_KEY is {_no_key(settings)}, so nothing was run; use one of these:\n"
        f"  python -m host {verb} --simulate {command}\n"
        f"  STRIPE_SECRET_KEY=sk_… python -m host {verb} {command}"
    )


def _insist(settings: Settings, require: str) -> None:
    if settings.mode == require:
        return
    if not settings.has_key:
        found = f"STRIPE_SECRET_KEY is {_no_key(settings)}"
    else:
        kind = f"a {settings.mode} key" if settings.mode else "neither a live nor a test key"
        found = f"STRIPE_SECRET_KEY (set by {settings.source('stripe_secret_key')}) is {kind}"
    raise ConfigError(f"--require-{require}: {found}, so nothing was run")


def _live_notice(settings: Settings) -> str | None:
    if settings.mode != "live":
        return None
    return (
        f"LIVE key {settings.stripe_secret_key} (set by {settings.source('stripe_secret_key')}): "
        f"calls to {settings.stripe_api_base} are real"
    )


def _no_key(settings: Settings) -> str:
    return "the demo key" if "stripe_secret_key" in settings.sources else "not set"


def not_modelled_lines(found: Sequence[str]) -> Iterator[str]:
    """The lines for the end of a lenient simulation; none if everything was modelled."""
    if found:
        yield "not modelled, answered from the schema alone:"
        yield from (f"  {each}" for each in found)
