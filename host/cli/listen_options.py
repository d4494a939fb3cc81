"""The options of ``listen``: where events come in, and how they are handled."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Annotated, Any

import click
import msgspec

from host.cli.arguments import SECONDS
from host.cli.struct_options import fields_of, struct_options
from host.errors import UsageError
from host.option import Option
from host.secret import Secret

__all__ = ["EndpointOptions", "HandlingOptions", "endpoint_options", "handling_options"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class EndpointOptions(msgspec.Struct, frozen=True):
    """What the options say of the endpoint that senders post events to."""

    port: Annotated[int, Option("--port", "Port to listen on; 0 takes a free one.", kind=click.IntRange(0, 65535))] = (
        4242
    )
    address: Annotated[str, Option("--host", "Address to listen on.")] = "127.0.0.1"
    path: Annotated[str, Option("--path", "Path that events are posted to.")] = "/webhook"
    secrets: Annotated[
        tuple[str, ...],
        Option("--secret", "Secret that events are signed with; repeatable, for while one is being rolled."),
    ] = ()
    verify: Annotated[
        str,
        Option("--verify", "Whose signatures to verify: stripe, github, …, or hmac-sha256:HEADER[:base64].", "SCHEME"),
    ] = "stripe"
    fields: Annotated[
        tuple[str, ...], Option("--field", "Where in the body the id, type or object is.", "NAME=PATH")
    ] = ()

    def arguments(self) -> dict[str, Any]:
        """For :meth:`Host.webhooks`. Raises ``UsageError``."""
        return {
            "secret": [Secret(each).reveal() for each in self.secrets] or None,
            "verify": self.verify,
            "paths": _paths(self.fields),
            "path": self.path,
        }


class HandlingOptions(msgspec.Struct, frozen=True):
    """What the options say of how events are handled."""

    since: Annotated[
        str | None,
        Option("--since", "With --poll, on the first start: fetch events from then on (default: now).", "TIME|all"),
    ] = None
    attempts: Annotated[int, Option("--attempts", "Attempts per event.", kind=click.IntRange(1, 10_000))] = 5
    retry_delay: Annotated[
        float, Option("--retry-delay", "Delay before the second attempt, doubled each time.", kind=SECONDS)
    ] = 10.0
    ordered: Annotated[bool, Option("--ordered", "Handle the events of one object one after another.")] = False
    concurrency: Annotated[
        int, Option("--concurrency", "How many handlers run concurrently.", kind=click.IntRange(1, 10_000))
    ] = 20
    name: Annotated[
        str | None, Option("--name", "Name of the inbox, with which its runs' ids begin (default: the script's name).")
    ] = None

    def arguments(self) -> dict[str, Any]:
        """For :meth:`Host.webhooks`. Raises ``UsageError``."""
        return {**msgspec.structs.asdict(self), "since": _time(self.since)}


def _paths(fields: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in fields:
        name, equals, path = field.partition("=")
        if not equals or not all(path.split(".")):
            raise UsageError(f"--field {field}: expected NAME=PATH, such as type=action or id=delivery.id")
        if found.setdefault(name, path) != path:
            raise UsageError(f"--field {field}: {name} is given twice with different paths")
    return found


def _time(text: str | None) -> float | None:
    """``all``, a date with or without a time, or how long ago (``2h``, ``3d``), as seconds since 1970."""
    if text is None:
        return None
    if text == "all":
        return 0.0
    if found := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return max(0.0, time.time() - int(found[1]) * _UNITS[found[2]])
    try:
        at = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text}: expected all, a time such as 2026-03-01T12:00Z, or 2h, 3d") from None
    if at > time.time():
        raise UsageError(f"--since {text}: that is in the future; expected a past time")
    return max(0.0, at)


endpoint_options = struct_options("endpoint", fields_of(EndpointOptions), EndpointOptions)
"""Gives a command the options, which reach it as one value, ``endpoint``."""

handling_options = struct_options("handling", fields_of(HandlingOptions), HandlingOptions)
"""Gives a command the options, which reach it as one value, ``handling``."""
