"""All commands, each in the file of its name."""

from __future__ import annotations

import importlib

import click

from host.cli.strict import StrictGroup

__all__ = ["EXIT_CODES", "commands"]

NAMES = (
    *("run", "plan", "apply", "resume", "runs", "submit", "worker"),
    *("test", "apis", "simulate", "listen", "trigger", "dashboard", "bench"),
)

EXIT_CODES = """\b
Exit codes:
  0    done
  1    the script failed
  2    usage: an unknown option, a missing script
  3    configuration: an unusable key, setting or file
  4    an uncaught API or network error
  5    a limit or timeout was reached
  130  interrupted
"""


class _Commands(StrictGroup):
    """Imports a command's file only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NAMES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in NAMES:
            return None
        command: click.Command = importlib.import_module(f"host.cli.{name}").command
        return command


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version  # slow, and only for this

        try:
            number = version("luahost")
        except PackageNotFoundError:  # a source tree that was never installed
            number = "(not installed)"
        click.echo(f"luahost {number}")
        ctx.exit()


@click.group(
    cls=_Commands,
    epilog=f"""\b
Example:
  python -m host run --simulate lua_scripts/payment.lua

{EXIT_CODES}""",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def commands() -> None:
    """Run Lua scripts that drive web APIs."""
