"""What a script may do, as a frozen value. By default it may use the host's own APIs and nothing else.

The host has one value; a run may have a narrower one (:meth:`Permissions.narrowed`), never a wider one. A check raises
:class:`~host.errors.DeniedError`, which names what was refused and the permission that would allow it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Annotated, Any

import msgspec
from msgspec.structs import force_setattr, replace

from host.errors import DeniedError, UsageError
from host.option import Option

__all__ = ["Permissions", "sql_place"]

_LISTS = ("allow_ops", "deny_ops", "net", "env", "read", "write", "sql", "functions")


class Permissions(msgspec.Struct, frozen=True, dict=True):  # the dict holds cached decisions
    """What is granted. ``None`` means the default for a host, and the host's permission for a run.

    By default all are granted of ``allow_ops``, patterns of operations such as ``stripe.products.*`` (``*`` matches
    anything, including dots), except those that match ``deny_ops``; and of ``functions``, patterns of registered
    functions.

    By default none are granted of ``net``: ``host``, ``host:port``, ``*.domain``, ``*``, an address, a range
    (``10.0.0.0/8``), or ``private`` (this machine and private networks); except for ``localhost``, a name never grants
    an address that is not public, which needs a grant of its own. ``env``: names or patterns of environment variables.
    ``read``, ``write``: files, or folders with all that they contain. ``sql``: database URLs, whose passwords are not
    compared.

    ``read_only`` refuses all that makes changes, ``test_mode_only`` refuses live keys.

    A single text stands for a list of one. Raises ``UsageError`` for any other value.
    """

    allow_ops: Annotated[
        tuple[str, ...] | None,
        Option("--allow-op", "Allow these operations only, such as 'stripe.products.*'.", "PATTERN"),
    ] = None
    deny_ops: Annotated[
        tuple[str, ...], Option("--deny-op", "Refuse these operations, whatever is allowed.", "PATTERN")
    ] = ()
    read_only: Annotated[bool, Option("--read-only", "Refuse everything that makes changes.")] = False
    test_mode_only: Annotated[bool, Option("--test-mode-only", "Refuse live keys.")] = False
    net: Annotated[
        tuple[str, ...] | None,
        Option("--allow-net", "Let http.* reach this host; also *.domain, an address, private.", "HOST[:PORT]"),
    ] = None
    env: Annotated[
        tuple[str, ...] | None, Option("--allow-env", "Let the script read this environment variable.", "NAME")
    ] = None
    read: Annotated[
        tuple[str, ...] | None, Option("--allow-read", "Let the script read this file or folder.", "PATH")
    ] = None
    write: Annotated[
        tuple[str, ...] | None, Option("--allow-write", "Let the script write this file or folder.", "PATH")
    ] = None
    sql: Annotated[tuple[str, ...] | None, Option("--allow-sql", "Let the script use this database.", "URL")] = None
    functions: tuple[str, ...] | None = None
    within: Permissions | None = None  # the permissions that this narrows

    def __post_init__(self) -> None:
        for each in self.__struct_fields__:
            value = getattr(self, each)
            if each in _LISTS:
                force_setattr(self, each, _texts(each, value))
            elif each in ("read_only", "test_mode_only") and not isinstance(value, bool):
                raise UsageError(f"Permissions.{each} is {value!r}; expected True or False")
            elif each == "within" and not isinstance(value, Permissions | None):
                raise UsageError(f"Permissions.within is {value!r}; expected Permissions")
        for name in ("read", "write"):
            paths = getattr(self, name)
            if paths is not None:  # relative to the present folder, even if that changes later
                force_setattr(self, name, tuple(os.path.abspath(os.path.expanduser(p)) for p in paths))
        if self.net:
            from host.policy.network_grant import net_grant  # only needed for grants of the network

            for grant in self.net:
                net_grant(grant)

    @cached_property
    def _decided(self) -> dict[tuple[str, bool, bool], DeniedError | None]:
        return {}

    def narrowed(self, other: Permissions | None) -> Permissions:
        """What both grant, for a run with the permissions ``other`` of a host with these."""
        if other is None:
            return self
        if not isinstance(other, Permissions):
            raise UsageError(f"permissions are a Permissions value; got {type(other).__name__}")
        return replace(other, within=self if other.within is None else self.narrowed(other.within))

    def _levels(self) -> Iterator[Permissions]:
        level: Permissions | None = self
        while level is not None:
            yield level
            level = level.within

    @property
    def is_test_only(self) -> bool:
        return any(level.test_mode_only for level in self._levels())

    @property
    def is_read_only(self) -> bool:
        return any(level.read_only for level in self._levels())

    # -- operations and functions

    def check_operation(self, label: str, mutation: bool, live: bool = False) -> None:
        """Raise ``DeniedError`` unless an operation such as ``stripe.products.create`` may be called.

        ``mutation`` says whether it makes changes, ``live`` whether it would be sent with a live key.
        """
        key = (label, mutation, live)
        try:
            error = self._decided[key]
        except KeyError:
            error = self._decided[key] = self._refusal(label, mutation, "allow_ops", "--allow-op", live)
        if error is not None:
            raise _again(error)

    def check_raw(self, api: str, mutation: bool, live: bool = False, word: str = "http") -> None:
        """Raise ``DeniedError`` unless a request that is not an operation may carry the key of ``api``.

        ``word`` is ``http`` for the library ``http``, ``request`` for ``stripe.request``. Such a request bypasses the
        catalog. If any operation is not granted, ``allow_ops`` must therefore have ``stripe.http`` by this very name.
        """
        label = f"{api}.{word}"
        for level in self._levels():
            narrow = level.deny_ops or (level.allow_ops is not None and "*" not in level.allow_ops)
            if narrow and label not in (level.allow_ops or ()):
                raise DeniedError(
                    f"a request with the key of {api} that is not one of its operations is not granted; "
                    f"the permission allow_ops {label!r} would allow it",
                    hint=f"Call the operation instead, or grant it with --allow-op '{label}'.",
                    outcome="not_sent" if mutation else None,
                )
        self.check_operation(label, mutation, live)

    def check_function(self, name: str, effect: str = "write") -> None:
        """Raise ``DeniedError`` unless the function ``name`` with this ``effect`` may be called."""
        key = (f"{name}()", effect == "write", False)
        try:
            error = self._decided[key]
        except KeyError:
            error = self._decided[key] = self._refusal(name, effect == "write", "functions", None)
        if error is not None:
            raise _again(error)

    def _refusal(
        self, label: str, mutation: bool, grants: str, flag: str | None, live: bool = False
    ) -> DeniedError | None:
        for level in self._levels():
            allowed = getattr(level, grants)
            denied = next((p for p in level.deny_ops if grants == "allow_ops" and _matches(p, label)), None)
            hint = None
            if denied is not None:
                text = f"{label} is denied by deny_ops {denied!r}"
                hint = f"It is refused by --deny-op '{denied}'."
            elif allowed is not None and not any(_matches(p, label) for p in allowed):
                text = f"{label} is not granted; the permission {grants} {label!r} would allow it"
                hint = f"Grant it with {flag} '{label}'." if flag else f"Grant it by Permissions({grants}=…)."
            elif level.read_only and mutation:
                text = f"{label} makes changes, and the permissions are read_only"
                hint = "Run it without --read-only."
                if grants == "functions":
                    hint = 'Register it with effect="read" or "pure" if it makes no changes.'
            elif level.test_mode_only and live:
                text = f"{label}: the key is not a test key, and the permissions are test_mode_only"
                hint = "Use a test key (sk_test_…), or run it without --test-mode-only."
            else:
                continue
            return DeniedError(text, hint=hint, operation=label, outcome="not_sent" if mutation else None)
        return None

    def plain(self) -> dict[str, Any]:
        """The fields that are set, as plain values for another process: ``Permissions(**plain)``."""
        if self.within is not None:
            raise UsageError("the permissions of a run cannot be passed to another process without those of its host")
        found = msgspec.structs.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items() if v is not None}

    def unmatched(self, labels: Callable[[], Iterable[str]]) -> tuple[str, str] | None:
        """(field, pattern) of the first pattern that matches none of the operations ``labels()``, or ``None``."""
        known: list[str] | None = None
        for level in self._levels():
            for name in ("allow_ops", "deny_ops"):
                for pattern in getattr(level, name) or ():
                    if pattern == "*":
                        continue
                    known = list(labels()) if known is None else known
                    if not any(_matches(pattern, label) for label in known):
                        return name, pattern
        return None

    # -- the network

    def check_net(self, host: str, port: int, address: str | None = None) -> None:
        """Raise ``DeniedError`` unless a script may connect to ``host`` (a name or an address) at ``port``.

        Check first without ``address``, before the name is resolved, then with each address before connecting to it:
        for a name that resolves to a private address, that address must be granted too.
        """
        for level in self._levels():
            if level.net is None and level.within is not None:
                continue
            level._check_net(host, port, address)

    def _check_net(self, host: str, port: int, address: str | None) -> None:
        from host.policy.addresses import address_class  # these two are for scripts that use the network
        from host.policy.network_grant import host_name, net_grant, place

        grants = [net_grant(text) for text in self.net or ()]
        name, where = host_name(host), place(host, port)
        if not any(grant.names(name, port) for grant in grants):
            raise _denied(f"connecting to {where}", "net", where, "--allow-net")
        if address is None:
            return
        try:
            kind = address_class(address)
        except ValueError:
            raise DeniedError(f"{host} resolves to {address!r}, which is not an IP address") from None
        if kind == "public" or any(grant.covers(address, kind, port, name) for grant in grants):
            return
        via = "" if address == name else f" at {address}"
        raise _denied(f"connecting to {where}{via} ({kind})", "net", place(address, port), "--allow-net")

    # -- environment, files, databases

    def grants_env(self, name: str) -> bool:
        """Whether the environment variable ``name`` may be read."""
        for level in self._levels():
            if level.env is None and level.within is not None:
                continue
            if not any(_matches(pattern, name) for pattern in level.env or ()):
                return False
        return True

    def check_read(self, path: str | os.PathLike[str]) -> str:
        """The real path of a file or folder that may be read. Open this path, without following links."""
        return self._check_path("read", path)

    def check_write(self, path: str | os.PathLike[str]) -> str:
        """The real path of a file that may be written or created. Open this path, without following links."""
        if self.is_read_only:
            raise DeniedError(
                f"writing {os.fspath(path)} makes changes, and the permissions are read_only",
                hint="Run it without --read-only.",
            )
        return self._check_path("write", path)

    def _check_path(self, kind: str, path: str | os.PathLike[str]) -> str:
        shown = os.fspath(path)
        if not isinstance(shown, str) or "\0" in shown or not shown:
            raise DeniedError(f"{shown!r} is not a path")
        real = os.path.realpath(shown)
        for level in self._levels():
            grants = getattr(level, kind)
            if grants is None and level.within is not None:
                continue
            if not any(_inside(real, os.path.realpath(grant)) for grant in grants or ()):
                verb = "reading" if kind == "read" else "writing"
                other = "" if real == os.path.abspath(shown) else f" (which is {real})"
                raise _denied(f"{verb} {shown}{other}", kind, real, f"--allow-{kind}")
        return real

    def check_sql(self, url: str, *, write: bool = False) -> None:
        """Raise ``DeniedError`` unless the database at ``url`` may be used, with ``write`` also for changes."""
        where = sql_place(url)
        for level in self._levels():
            if level.sql is None and level.within is not None:
                continue
            if not any(sql_place(grant) == where for grant in level.sql or ()):
                raise _denied(f"the database {where}", "sql", where, "--allow-sql")
        self.check_effect(f"a statement for {where}", write)

    def check_effect(self, what: str, mutation: bool) -> None:
        """Raise ``DeniedError`` if ``what`` (``"http.post to …"``) makes changes and the permissions are read-only."""
        if mutation and self.is_read_only:
            raise DeniedError(
                f"{what} makes changes, and the permissions are read_only",
                hint="Run it without --read-only.",
                outcome="not_sent",
            )


# -- comparing


def sql_place(url: str) -> str:
    """A database's URL for comparison and messages: without password, options and driver; files by their real path."""
    scheme, _, rest = url.partition("://")
    dialect = scheme.partition("+")[0].lower()
    dialect = "postgresql" if dialect == "postgres" else dialect
    rest = rest.partition("?")[0]
    if dialect == "sqlite":
        path = rest.removeprefix("/")
        return f"sqlite:///{os.path.realpath(path)}" if path and path != ":memory:" else "sqlite://"
    user, at, where = rest.rpartition("@")
    host, slash, database = where.partition("/")
    return f"{dialect}://{user.partition(':')[0]}{at}{host.lower()}{slash}{database}"


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _denied(what: str, grants: str, value: str, flag: str) -> DeniedError:
    return DeniedError(
        f"{what} is not granted; the permission {grants} {value!r} would allow it",
        hint=f"Grant it with {flag} '{value}'.",
        outcome="not_sent",
    )


def _again(error: DeniedError) -> DeniedError:
    """A copy of an error, since an exception belongs to the call it was raised for."""
    return DeniedError(error.message, hint=error.hint, operation=error.operation, outcome=error.outcome)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _matches(pattern: str, text: str) -> bool:
    return pattern == "*" or _pattern(pattern).fullmatch(text) is not None


def _texts(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return () if name == "deny_ops" else None
    if isinstance(value, str | os.PathLike):
        value = (value,)
    if not isinstance(value, Iterable) or isinstance(value, bytes | dict):
        raise UsageError(f"Permissions.{name} is {value!r}; expected a list of strings")
    found = tuple(os.fspath(each) if isinstance(each, os.PathLike) else each for each in value)
    for each in found:
        if not isinstance(each, str) or not each.strip():
            raise UsageError(f"Permissions.{name} has {each!r}; expected a string")
    return found
