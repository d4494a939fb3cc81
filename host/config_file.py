"""``host.toml``: permissions, budgets, limits, settings and further APIs of a folder's runs, as a file.

Read from the current folder by the command line, and where a program says ``Host(config=…)``. Keys have no
place in it: they belong in ``.env`` or the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from host.errors import ConfigError, HostError
from host.limits import Limits
from host.nearest_name import nearest_name
from host.policy.budget import Budget
from host.policy.permissions import Permissions
from host.settings import Settings

__all__ = ["NAME", "ApiEntry", "ConfigFile", "read_config"]

MOST = 1 << 20  # characters
NAME = "host.toml"

T = TypeVar("T", bound=msgspec.Struct)

_VARIABLE = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"  # a key is hardly ever of this form
_OWN = ("STRIPE_SECRET_KEY", "GRAPHQL_TOKEN")  # keys of what the host has by itself


_SECRET = ("stripe_secret_key", "stripe_webhook_secret", "dashboard_token")


class ApiEntry(NamedTuple):
    """A table ``[apis.NAME]``. ``document`` is a path, ``overlay`` are those of what mends it; ``auth`` names the
    environment variable of the key, or of each key by its security scheme; ``paging`` says how its lists go on;
    ``place`` is where the table is."""

    place: str
    document: str
    base_url: str | None = None
    auth: str | Mapping[str, str] | None = None
    overlay: tuple[str, ...] = ()
    paging: str | Mapping[str, str] | None = None

    def keys(self, variables: Callable[[str], tuple[str, str] | None]) -> str | dict[str, str] | None:
        """The keys themselves, as ``variables`` has them. Raises ``ConfigError`` naming one that is not set."""
        if self.auth is None:
            return None

        def found(variable: str) -> str:
            value = variables(variable)
            if value is None:
                raise ConfigError(f"{self.place}: auth names {variable}, which is not set")
            return value[0]

        if isinstance(self.auth, str):
            return found(self.auth)
        return {scheme: found(variable) for scheme, variable in self.auth.items()}


class ConfigFile(msgspec.Struct, frozen=True):
    """What a ``host.toml`` says. ``settings`` are fields of :class:`~host.settings.Settings` by name, ``apis``
    further APIs by theirs."""

    path: str = ""
    permissions: Permissions | None = None
    budget: Budget | None = None
    daily_budget: Budget | None = None
    limits: Limits | None = None
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    apis: Mapping[str, ApiEntry] = msgspec.field(default_factory=dict)

    def claims(self, variable: str, apis: Iterable[str] = ()) -> bool:
        """Whether a variable is granted to scripts, or is of a further API, of this file or among ``apis``."""
        if self.permissions is not None and self.permissions.grants_env(variable):
            return True
        named = (entry.auth for entry in self.apis.values())
        if any(variable == auth or (isinstance(auth, Mapping) and variable in auth.values()) for auth in named):
            return True
        return any(variable.startswith(f"{name.upper()}_API_") for name in (*self.apis, *apis))


def read_config(path: str | os.PathLike[str] | None = None) -> ConfigFile:
    """The file at ``path``, which must exist; else ``host.toml`` of the current folder, if there is one.

    Raises ``ConfigError`` naming the file, the line and the key.
    """
    place = Path(NAME if path is None else path)
    try:
        with place.open(encoding="utf-8") as file:
            text = file.read(MOST + 1)
    except FileNotFoundError:
        if path is None:
            return ConfigFile()
        raise ConfigError(f"{place}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{place} cannot be read: {reason}") from error
    if len(text) > MOST:
        raise ConfigError(f"{place} cannot be read: it is over {MOST >> 20} MB")
    import tomllib  # only where there is such a file

    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{place}: it is nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place}: {error}") from None
    return _Reader(str(place), text, tables).read()


class _Reader:
    def __init__(self, path: str, text: str, tables: dict[str, Any]) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._tables = tables

    def read(self) -> ConfigFile:
        self._known("", self._tables, ("permissions", "budget", "limits", "settings", "apis"))
        for name, value in self._tables.items():
            if not isinstance(value, dict):
                raise self._wrong("", name, f"{name} is {value!r}; expected a table [{name}]")
        budget = dict(self._tables.get("budget", {}))
        daily = budget.pop("daily", None)
        return ConfigFile(
            path=self._path,
            permissions=self._made("permissions", Permissions, self._tables.get("permissions")),
            budget=self._made("budget", Budget, budget or None),
            daily_budget=self._made("budget.daily", Budget, daily),
            limits=self._made("limits", Limits, self._tables.get("limits")),
            settings=self._settings(self._tables.get("settings", {})),
            apis={name: self._api(name, table) for name, table in self._tables.get("apis", {}).items()},
        )

    def _made(self, table: str, kind: type[T], values: Any) -> T | None:
        if values is None:
            return None
        if not isinstance(values, dict):
            raise self._wrong("", table, f"{table} is {values!r}; expected a table [{table}]")
        self._known(table, values, [name for name in kind.__struct_fields__ if name != "within"])
        for name, value in values.items():  # one by one first, so that the message can name the line
            try:
                kind(**{name: value})
            except HostError as error:
                raise self._wrong(table, name, error.message) from None
        return kind(**values)

    def _settings(self, values: dict[str, Any]) -> Mapping[str, Any]:
        names = [name for name in Settings.__struct_fields__ if name not in ("sources", *_SECRET)]
        if secret := next((name for name in _SECRET if name in values), None):
            raise self._wrong("settings", secret, "a key does not belong in this file; put it in .env")
        self._known("settings", values, names)
        return values

    def _api(self, name: str, values: Any) -> ApiEntry:
        table = f"apis.{name}"
        if not isinstance(values, dict):
            raise self._wrong("apis", name, f"{name} is {values!r}; expected a table [{table}]")
        self._known(table, values, ("document", "base_url", "auth", "overlay", "paging"))
        line = self._line("apis", name)
        place = f"{self._path}:{line}" if line else self._path
        for key in ("document", "base_url"):
            value = values.get(key)
            if key in values and (not isinstance(value, str) or not value):
                raise self._wrong(table, key, f"{key} is {value!r}; expected a string")
        if "document" not in values:
            raise ConfigError(f"{place}: [{table}] has no document, the file of its OpenAPI document")
        auth, paging = values.get("auth"), values.get("paging")
        self._check_auth(table, name, auth)
        for each in _one_or_many(paging):
            if not isinstance(each, str) or not each:
                message = 'expected words such as "token cursor meta.next", or a table of these by operation'
                raise self._wrong(table, "paging", f"paging is {each!r}; {message}")
        overlay = values.get("overlay", [])
        overlay = [overlay] if isinstance(overlay, str) else overlay
        if not isinstance(overlay, list) or not all(isinstance(each, str) and each for each in overlay):
            raise self._wrong(table, "overlay", f"overlay is {overlay!r}; expected a file, or a list of files")
        document, *mending = (self._beside(each) for each in (values["document"], *overlay))
        return ApiEntry(place, document, values.get("base_url"), auth, tuple(mending), paging)

    def _check_auth(self, table: str, name: str, auth: Any) -> None:
        """Refuse what is not the name of a variable, or a table of such by security scheme."""
        for each in _one_or_many(auth):
            if not isinstance(each, str) or not re.fullmatch(_VARIABLE, each):  # it may be a key: not shown
                message = "auth is the name of an environment variable that holds the key, such as"
                raise self._wrong(table, "auth", f"{message} {name.upper()}_API_KEY, or a table of these by scheme")
            if each in _OWN:
                raise self._wrong(table, "auth", f"auth is {each}, which is sent only to its own API")

    def _beside(self, file: str) -> str:
        """A path of the file, which is relative to it."""
        return str(Path(self._path).parent / Path(file).expanduser())

    def _known(self, table: str, values: Mapping[str, Any], names: Any) -> None:
        for name in values:
            if name in names:
                continue
            near = nearest_name(name, names)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(names)}"
            raise self._wrong(table, name, f"there is no {name!r}{f' in [{table}]' if table else ''}; {hint}")

    def _wrong(self, table: str, key: str, message: str) -> ConfigError:
        line = self._line(table, key)
        where = f"{self._path}:{line}" if line else self._path
        return ConfigError(f"{where}: {message}")

    def _line(self, table: str, key: str) -> int | None:
        """The line a key stands in, as far as a look at the text can show."""
        current = ""
        wanted = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
            if header is not None:
                current = header.group(1)
                if current == f"{table}.{key}" or (not table and current.split(".")[0] == key):
                    return number
            elif current == table and wanted.match(line):
                return number
        return None


def _one_or_many(value: Any) -> tuple[Any, ...]:
    """The values of a table, or the one value that stands for all; none for what is not given."""
    if value is None:
        return ()
    return tuple(value.values()) if isinstance(value, dict) else (value,)
