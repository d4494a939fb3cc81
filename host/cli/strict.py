"""Commands and groups that refuse unknown options, wherever they stand.

A word meant to protect (``--read-only``, ``--max-mutations 0``) must not be lost because it is misspelt, stands
after the script, or is taken for another option's value. So the words are classified here, before click converts
them; what is left for click holds known options only, and then the arguments.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import click

from host.nearest_name import nearest_name

__all__ = ["BEHIND", "GIVEN", "StrictCommand", "StrictGroup"]

GIVEN = "host.given"
"""The key in ``ctx.meta`` of all that was typed after the command."""

BEHIND = "host.behind"
"""The key in ``ctx.meta`` of how many arguments stand after ``--``."""

_DASHES = "-‐‑‒–—―−﹣－"  # also the dashes that typesetting substitutes
_OPTION = re.compile(rf"[{_DASHES}]{{1,2}}[^\W\d][\w-]*(=.*)?")


class StrictCommand(click.Command):
    """A command whose options may stand anywhere before ``--``.

    A word that begins with a dash is an option, unless a digit follows (``-7``) or nothing does (``-``). The value of
    a short option is a separate word (``-e CODE``): ``-each`` is not ``-e`` with the code ``ach``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = _Words(ctx, self)
        words.read(args)
        ctx.meta[GIVEN] = tuple(args)
        ctx.meta[BEHIND] = len(words.behind)
        return super().parse_args(ctx, [*words.options, "--", *words.arguments, *words.behind])


class StrictGroup(click.Group):
    """A group of such commands; the error for an unknown one names the nearest."""

    command_class = StrictCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name for item in self.get_params(ctx) for name in item.opts}
        if args and _is_option(args[0]) and args[0] not in known:
            raise click.UsageError(self._belongs(ctx, args) or _unknown(args[0], known), ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None:
            message = f"No such command {name!r}."
            if near := _nearest(name, self.list_commands(ctx)):
                message += f" Did you mean {near!r}?"
            elif name.endswith(".lua") or os.path.isfile(name):
                message += f" To run a script: {ctx.command_path} run {name}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def _belongs(self, ctx: click.Context, args: Sequence[str]) -> str | None:
        """The error for an option before the command that belongs after it."""
        for word in args:
            command = None if _is_option(word) else self.get_command(ctx, word)
            if command is not None:
                option = args[0].partition("=")[0]
                near = _nearest(option, (name for item in command.params for name in item.opts))
                return f"{option} belongs after the command: write {word} {near}." if near else None
        return None


class _Words:
    """What was typed, sorted into options, scripts and arguments.

    Raises ``click.UsageError`` for an option that is unknown or ambiguous.
    """

    def __init__(self, ctx: click.Context, command: click.Command) -> None:
        self.options: list[str] = []
        self.arguments: list[str] = []
        self.behind: list[str] = []
        self._ctx = ctx
        arguments = (item for item in command.params if isinstance(item, click.Argument))
        self._has_script = any(item.nargs == -1 and item.type is click.UNPROCESSED for item in arguments)
        self._known: dict[str, click.Option] = {
            name: item
            for item in command.get_params(ctx)
            if isinstance(item, click.Option)
            for name in (*item.opts, *item.secondary_opts)
        }
        self._said: dict[str, tuple[str, Any]] = {}  # by the option's name: how it was written, what it says

    def read(self, args: Sequence[str]) -> None:
        """Take all words, in their order."""
        left = deque(args)
        while left:
            word = left.popleft()
            if word == "--":
                self.behind = list(left)
                return
            if not _is_option(word):
                self.arguments.append(word)
            elif word.startswith("--"):
                name, equals, value = word.partition("=")
                self._take(name, left, value if equals else None)
            else:
                self._take_short(word, left)

    def _take(self, name: str, left: deque[str], value: str | None) -> None:
        item = self._known.get(name)
        if item is None:
            raise self._error(_unknown(name, self._known) + self._for_the_script())
        is_flag = item.is_flag or item.count
        if is_flag and value is not None:
            raise self._error(f"Option {name!r} does not take a value.")
        self.options.append(name if value is None else f"{name}={value}")
        if value is not None:
            says: Any = [value]
        elif is_flag or (_may_stand_alone(item) and not (left and _may_be_value(item, left[0]))):
            says = (name in item.secondary_opts, item.flag_value)
        else:
            says = [self._value(name, left) for _ in range(item.nargs)]
            if _may_stand_alone(item):
                item.type.convert(says[0], item, self._ctx)  # here: click would take -1 for an option
            self.options.extend(says)
        self._once(item, name, says)

    def _take_short(self, word: str, left: deque[str]) -> None:
        """``-e CODE``, ``-v``, ``-vv``, ``-xk EXPR``."""
        names = [f"-{letter}" for letter in word[1:]]
        for name in names[:-1]:
            item = self._known.get(name)
            if item is None or not (item.is_flag or item.count):
                raise self._error(_unknown(word, self._known) + self._for_the_script(item))
        if names[-1] not in self._known:
            raise self._error(_unknown(word, self._known) + self._for_the_script())
        for name in names:
            self._take(name, left, None)

    def _value(self, name: str, left: deque[str]) -> str:
        """The next word as an option's value, unless it may be meant as an option itself."""
        if not left:
            raise self._error(f"Option {name!r} requires an argument.")
        if left[0] != "--" and not _OPTION.fullmatch(left[0]):
            return left.popleft()
        shown = left[0].partition("=")[0]
        message = f"Option {name!r} requires an argument, but {shown!r} follows."
        if name.startswith("--") and shown != "--":
            message += f" Write a value that begins with a dash as {name}={shown}."
        raise self._error(message)

    def _once(self, item: click.Option, name: str, says: Any) -> None:
        """Raise for an option given again with another value: one of the two would be lost."""
        if item.multiple or item.count or item.name is None:
            return
        before, said = self._said.setdefault(item.name, (name, says))
        if said != says:
            both = f"{before} is given twice with different values" if before == name else None
            raise self._error(f"{both or f'{before} and {name} cannot be combined'}.")

    def _for_the_script(self, item: click.Option | None = None) -> str:
        if item is not None and item.opts:
            return f" The value of {item.opts[0]} is a separate word: {item.opts[0]} {item.metavar or 'VALUE'}."
        return " Arguments for the script go after --." if self._has_script else ""

    def _error(self, message: str) -> click.UsageError:
        return click.UsageError(message, self._ctx)


def _is_option(word: str) -> bool:
    """Whether a word is written as one: ``--x``, ``-x``, ``—x``; not ``-``, ``-7``, ``-.5``, ``−7``."""
    return len(word) > 1 and word[0] in _DASHES and re.match(rf"[{_DASHES}]\.?\d", word) is None


def _may_stand_alone(item: click.Option) -> bool:
    """Whether the option's value may be left out."""
    return bool(getattr(item, "_flag_needs_value", False))


def _may_be_value(item: click.Option, word: str) -> bool:
    """Whether a word may be meant as the value of an option that can stand alone: even a number out of its range."""
    if isinstance(item.type, click.FloatRange) and _is_number(word):
        return True
    try:
        item.type.convert(word, item, None)
    except click.BadParameter:
        return False
    return not _is_option(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _unknown(word: str, known: Iterable[str]) -> str:
    """The message for an unknown option, with the nearest. A value after ``=`` may be a key and is not shown."""
    name = word.partition("=")[0]
    near = _nearest(name, known)
    return f"No such option {name!r}.{f' Did you mean {near}?' if near else ''}"


def _nearest(word: str, valid: Iterable[str]) -> str | None:
    """The name most likely meant, ignoring dashes."""
    word = word.strip(_DASHES).lower()
    names = {name.strip("-"): name for name in valid if len(name.strip("-")) > 1}
    begun = [name for name in names if len(word) > 2 and name.startswith(word)]  # abbreviated
    exchanged = [name for name in names if sorted(name) == sorted(word)]  # two letters, in a short name
    close = (None if len(begun) == 1 else nearest_name(word, names)) or next(iter([*begun, *exchanged]), None)
    return None if close is None else names[close]
