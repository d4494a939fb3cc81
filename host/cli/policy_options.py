"""The options of ``run`` that say what a script may do and spend; they win over ``host.toml``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec.structs import replace

from host.errors import UsageError
from host.policy.units import UNITS

if TYPE_CHECKING:
    from host.config_file import ConfigFile

__all__ = ["Granting", "granting_options"]


class Granting(msgspec.Struct, frozen=True):
    """What the options say: fields of ``Permissions`` and of ``Budget``; what was not said is not in them."""

    config: str | None
    permissions: dict[str, Any]
    budget: dict[str, Any]

    def over(self) -> ConfigFile:
        """The configuration file with these options over it. Raises ``ConfigError``, ``UsageError``."""
        from host.config_file import read_config

        found = read_config(self.config)
        if self.permissions:
            from host.policy.permissions import Permissions

            found = replace(found, permissions=replace(found.permissions or Permissions(), **self.permissions))
        if self.budget:
            from host.policy.budget import Budget, parse_amount

            said = dict(self.budget)
            if "max_amount" in said:
                amounts: dict[str, int] = {}
                for currency, amount in map(parse_amount, said["max_amount"]):
                    if amounts.setdefault(currency, amount) != amount:
                        raise UsageError(f"--max-amount {currency} is given twice, with different amounts")
                said["max_amount"] = amounts
            found = replace(found, budget=replace(found.budget or Budget(), **said))
        return found


_COUNT = click.IntRange(min=0)

# (flag, field, how, help); the how of a list is its placeholder.
_PERMISSIONS: tuple[tuple[str, str, str | None, str], ...] = (
    ("--allow-op", "allow_ops", "PATTERN", "Allow these operations only, such as 'stripe.products.*'."),
    ("--deny-op", "deny_ops", "PATTERN", "Refuse these operations, whatever is allowed."),
    ("--read-only", "read_only", None, "Refuse whatever changes something."),
    ("--test-mode-only", "test_mode_only", None, "Refuse live keys."),
    ("--allow-net", "net", "HOST[:PORT]", "Let http.* reach this host; also *.domain, an address, private."),
    ("--allow-env", "env", "NAME", "Let the script read this environment variable."),
    ("--allow-read", "read", "PATH", "Let the script read this file or folder."),
    ("--allow-write", "write", "PATH", "Let the script write this file or folder."),
    ("--allow-sql", "sql", "URL", "Let the script use this database."),
)


def granting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options, which reach it as one value, ``granting``. Lists are given repeatedly."""

    @functools.wraps(function)
    def with_granting(
        *args: Any,
        config: str | None,
        max_amount: tuple[str, ...],
        allow_unbounded: bool,
        **rest: Any,
    ) -> Any:
        permissions = {name: rest.pop(name) for _, name, _, _ in _PERMISSIONS}
        budget = {unit.field: rest.pop(unit.field) for unit in UNITS.values()} | {
            "max_amount": max_amount or None,
            "allow_unbounded": allow_unbounded or None,
        }
        granting = Granting(
            config,
            {name: value for name, value in permissions.items() if value not in ((), False)},
            {name: value for name, value in budget.items() if value is not None},
        )
        return function(*args, granting=granting, **rest)

    options = [
        click.option("--config", metavar="FILE", help="Read FILE instead of the host.toml of this folder."),
        *(
            click.option(flag, name, is_flag=True, help=text)
            if how is None
            else click.option(flag, name, multiple=True, metavar=how, help=text)
            for flag, name, how, text in _PERMISSIONS
        ),
        *(click.option(unit.flag, unit.field, type=_COUNT, metavar="N", help=unit.help) for unit in UNITS.values()),
        click.option(
            "--max-amount",
            multiple=True,
            metavar="CURRENCY:AMOUNT",
            help="Move at most this much, in minor units: usd:50000.",
        ),
        click.option(
            "--allow-unbounded",
            is_flag=True,
            help="With --max-amount: let operations through whose amount is not known before.",
        ),
    ]
    for option in reversed(options):
        with_granting = option(with_granting)
    return with_granting
