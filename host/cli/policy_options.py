"""The options of commands that say what a script may do and spend; they win over ``host.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from host.cli.struct_options import Field, fields_of, given
from host.config_file import read_config
from host.errors import UsageError
from host.option import Option
from host.policy.budget import Budget, parse_amount
from host.policy.permissions import Permissions
from host.policy.units import UNITS

if TYPE_CHECKING:
    from host.config_file import ConfigFile

__all__ = ["BUDGET", "GRANTING", "PERMISSIONS", "Granting"]

_CONFIG = Option("--config", "Read FILE instead of host.toml in the current folder.", "FILE")
PERMISSIONS = fields_of(Permissions)
BUDGET: dict[str, Field] = {
    **{unit.field: (Option(unit.flag, unit.help, "N"), int, None) for unit in UNITS.values()},
    **fields_of(Budget),
}


class Granting(msgspec.Struct, frozen=True):
    """What the options say: fields of ``Permissions`` and of ``Budget``; what was not said is not in them."""

    config: str | None
    permissions: dict[str, Any]
    budget: dict[str, Any]

    @classmethod
    def of(cls, config: str | None, **values: Any) -> Granting:
        """Of the options' values."""
        said = given(values)
        return cls(config, *({name: said[name] for name in some if name in said} for some in (PERMISSIONS, BUDGET)))

    def over(self) -> ConfigFile:
        """The configuration file, overridden by these options. Raises ``ConfigError``, ``UsageError``."""
        found = read_config(self.config)
        if self.permissions:
            found = replace(found, permissions=replace(found.permissions or Permissions(), **self.permissions))
        if self.budget:
            said = dict(self.budget)
            if "max_amount" in said:
                said["max_amount"] = _amounts(said["max_amount"])
            found = replace(found, budget=replace(found.budget or Budget(), **said))
        return found


def _amounts(said: tuple[str, ...]) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for currency, amount in map(parse_amount, said):
        if amounts.setdefault(currency, amount) != amount:
            raise UsageError(f"--max-amount {currency} is given twice with different amounts")
    return amounts


GRANTING: dict[str, Field] = {"config": (_CONFIG, str, None), **PERMISSIONS, **BUDGET}
"""The options, for :meth:`Granting.of`. Lists are given repeatedly."""
