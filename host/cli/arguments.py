"""Which of ``run``'s arguments are scripts, and which go to them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from host.errors import UsageError
from host.limits import YEAR

if TYPE_CHECKING:
    from host.run.script import Script

__all__ = ["GIVEN", "SECONDS", "ScriptCommand", "scripts_of"]

_BEHIND = "host.behind"
GIVEN = "host.given"
"""All that was typed after ``run``, in ``ctx.meta``."""


class _Seconds(click.FloatRange):
    """Above 0, at most a year; ``nan`` is within any range of click's."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=YEAR)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


SECONDS = _Seconds()


class ScriptCommand(click.Command):
    """Remembers what was typed, and how many arguments stand behind ``--``, which click itself forgets."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[GIVEN] = tuple(args)
        valued = {
            name
            for item in self.params
            if isinstance(item, click.Option) and not item.is_flag and not item.count
            for name in item.opts
        }
        place = 0
        while place < len(args) and args[place] != "--":
            place += 2 if args[place] in valued else 1
        ctx.meta[_BEHIND] = max(0, len(args) - place - 1)
        return super().parse_args(ctx, args)


def scripts_of(
    ctx: click.Context, arguments: tuple[str, ...], code: str | None
) -> tuple[list[Script], tuple[str, ...]]:
    """What is to be run, and its arguments. Raises for a path that is no script.

    Several names that all end in ``.lua`` are several scripts, which get what is behind ``--``. Else the
    first is the script, and the others, behind ``--`` or not, are its arguments.
    """
    from host.run.script import Script

    if code is not None:
        return [Script.of(code, "-e")], arguments
    if not arguments:
        raise click.UsageError("give a script, - for standard input, or -e CODE", ctx)
    before = arguments[: len(arguments) - ctx.meta[_BEHIND]]
    if len(before) > 1 and all(name.endswith(".lua") for name in before):
        return _several(before), arguments[len(before) :]
    name, *args = arguments
    if name == "-":
        return [Script.of(sys.stdin.buffer.read(), "stdin")], tuple(args)
    if name.startswith("-") and not os.path.exists(name):
        raise click.NoSuchOption(name, possibilities=_near(ctx, name), ctx=ctx)
    return [Script.read(name)], tuple(args)


def _several(names: Sequence[str]) -> list[Script]:
    from host.run.script import Script

    try:
        return [Script.read(name) for name in names]
    except UsageError as error:
        hint = "Several names ending in .lua are several scripts; arguments of a script go behind --."
        raise UsageError(error.message, hint=hint) from error


def _near(ctx: click.Context, name: str) -> list[str]:
    from difflib import get_close_matches  # for this message alone

    return get_close_matches(name, [option for item in ctx.command.params for option in item.opts])
