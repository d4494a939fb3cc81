"""What ``HOST_DATABASE`` has to be for a fleet."""

from __future__ import annotations

from typing import Final

from host.durable.database_url import without_password
from host.errors import ConfigError

__all__ = ["database_url"]

_POSTGRES: Final = ("postgresql://", "postgres://", "postgresql+psycopg://")


def database_url(setting: str | None, what: str) -> str:
    """The URL of ``HOST_DATABASE``, as libpq takes it, for ``what`` (``"submit"`` …). Raises ``ConfigError``."""
    if setting is None:
        raise ConfigError(
            f"{what} needs a database that all machines reach, and HOST_DATABASE is not set",
            hint="HOST_DATABASE=postgresql://USER@HOST/NAME; on one machine, run --durable needs none",
        )
    if not setting.startswith(_POSTGRES):
        raise ConfigError(
            f"{what} needs PostgreSQL, and HOST_DATABASE is {without_password(setting)!r}: a SQLite file is one "
            "machine's, and nothing in it wakes a worker",
            hint="HOST_DATABASE=postgresql://USER@HOST/NAME; on one machine, run --durable --journal FILE and "
            "--processes do without",
        )
    return "postgresql://" + setting.partition("://")[2]
