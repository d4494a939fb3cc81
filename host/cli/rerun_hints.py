"""Commands in messages: what to type to resume, with the options needed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import click

from host.settings import Settings

__all__ = ["batch_hint", "resume_hint"]

# Options of ``resume`` that are about the one command, not about the run.
_OF_THE_COMMAND = frozenset(
    ("as_json", "debug", "force_new", "in_doubt", "journal", "other_key", "recorded", "timeout", "trace", "verbose")
)


def resume_hint(ctx: click.Context, settings: Settings, run_id: str) -> str:
    """The command that resumes a run: with its journal, and the other options given that ``resume`` takes."""
    return "python -m host resume " + shlex.join([run_id, *_journal(settings), *_same_options(ctx)])


def batch_hint(run_id: str, given: Sequence[str]) -> str:
    """The command that resumes a batch: the one that was ``given``, with its id."""
    from host.durable.database_url import without_password  # durable runs alone

    behind = given.index("--") if "--" in given else len(given)
    before = [without_password(each) for each in given[:behind] if each not in ("--durable", "--force-new")]
    named = any(each.partition("=")[0] == "--run-id" for each in before)
    own = [] if named else ["--run-id", run_id]
    return f"python -m host run {shlex.join([*own, *before, *given[behind:]])}"


def _journal(settings: Settings) -> list[str]:
    from host.durable.chosen_journal import default_journal  # durable runs alone
    from host.durable.database_url import without_password

    where = settings.journal
    return ["--journal", without_password(where)] if where and where != default_journal() else []


def _same_options(ctx: click.Context) -> list[str]:
    """The options on the command line that ``resume`` also takes."""
    from host.cli.resume import command as resume

    found: list[str] = []
    for param in resume.params:
        name = param.name or ""
        if name in _OF_THE_COMMAND or not isinstance(param, click.Option) or name not in ctx.params:
            continue
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            found += _as_typed(param, ctx.params[name])
    return found


def _as_typed(option: click.Option, value: Any) -> list[str]:
    if option.is_flag:
        return [option.opts[0]] if value else list(option.secondary_opts[:1])
    values = value if option.multiple else [value]
    return [part for each in values for part in (option.opts[0], str(each))]
