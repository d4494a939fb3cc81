"""Values of options and arguments that several commands take: seconds, URLs, scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from host.cli.strict import BEHIND
from host.errors import UsageError
from host.limits import YEAR
from host.run.script import MOST_SOURCE, Script, check_size

__all__ = ["SECONDS", "check_url", "scripts_of"]


class _Seconds(click.FloatRange):
    """Above 0, at most a year; ``nan`` would pass any range of click's."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=YEAR)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return found


SECONDS = _Seconds()


def check_url(option: str, url: str) -> None:
    """Raise ``UsageError`` for a URL that events cannot be delivered to."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, brackets that do not close
        good = False
    if not good:
        raise UsageError(f"{option} {url[:200]}: expected a URL such as http://localhost:4242/webhook")


def scripts_of(
    ctx: click.Context, arguments: tuple[str, ...], code: str | None
) -> tuple[list[Script], tuple[str, ...]]:
    """The scripts to run, and their arguments. Raises for a path that is not a script.

    Several names that all end in ``.lua`` are several scripts, which get what follows ``--``. Else the
    first is the script, and the others, after ``--`` or not, are its arguments.
    """
    if code is not None:
        return [Script.of(code.encode("utf-8", "surrogateescape"), "-e")], arguments
    if not arguments:
        raise click.UsageError("give a script, - for standard input, or -e CODE", ctx)
    before = arguments[: len(arguments) - ctx.meta[BEHIND]]
    if len(before) > 1 and all(name.endswith(".lua") for name in before):
        return _several(before), arguments[len(before) :]
    name, *args = arguments
    if name == "-":
        return [Script.of(_standard_input(), "stdin")], tuple(args)
    return [Script.read(name)], tuple(args)


def _standard_input() -> bytes:
    """The script given as standard input. Raises ``UsageError``, of an input without end too."""
    if sys.stdin is None:
        raise UsageError("standard input is closed, so there is no script to read from it")
    try:
        source = sys.stdin.buffer.read(MOST_SOURCE + 1)
    except OSError as error:
        raise UsageError(f"the script cannot be read from standard input: {error.strerror}") from error
    check_size(source, "the script of standard input")
    return source


def _several(names: Sequence[str]) -> list[Script]:
    try:
        return [Script.read(name) for name in names]
    except UsageError as error:
        hint = "Several names ending in .lua are several scripts; a script's arguments go after --."
        raise UsageError(error.message, hint=hint) from error
