"""The database that a journal's URL names: opened, and named without its password."""

from __future__ import annotations

import os
import re

from host.durable.database import JournalDatabase, NoJournal
from host.durable.sqlite_database import SQLite
from host.durable.tables import prepare
from host.errors import ConfigError

__all__ = ["open_database", "without_password"]


def without_password(url: str) -> str:
    """A database's URL with its password masked."""
    if "://" not in url:
        return url
    hidden = re.sub(r"(://[^:/?#@\s]*):[^/?#\s]*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd|pwd)=)[^&]*", r"\1***", hidden, flags=re.IGNORECASE)


def open_database(url: str, *, existing: bool = False) -> JournalDatabase:
    """Open a path, ``sqlite:///PATH`` or any URL that SQLAlchemy accepts; create the tables if they are missing.

    With ``existing`` nothing is created; :class:`NoJournal` is raised where there is no journal.
    """
    database: JournalDatabase
    if "://" not in url or url.startswith(("sqlite:///", "sqlite+pysqlite:///")):
        path = url.removeprefix("sqlite:///").removeprefix("sqlite+pysqlite:///")
        if not path or path == ":memory:":
            raise ConfigError(f"the journal {url!r} names no file, and only a file outlives the process")
        if existing and not os.path.exists(path):
            raise NoJournal(f"there is no journal {path}: the file does not exist")
        database = SQLite(path)
    else:
        from host.durable.sqlalchemy_database import Engine  # an optional dependency

        database = Engine(url)
    try:
        prepare(database, existing=existing)
    except BaseException:
        database.close()
        raise
    return database
