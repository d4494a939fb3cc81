"""Settings of a host: where they come from, what they may be, and which wins.

Defaults < ``.env`` in the current folder (or the file given) < environment < arguments. An empty value puts
the default back. Nothing here changes ``os.environ``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from host import arguments
from host.errors import ConfigError, UsageError
from host.frozen import Frozen
from host.limits import ApiLimits, read_api_limits
from host.nearest_name import nearest_name
from host.option import Option
from host.secret import Secret
from host.setting_values import (
    read_base,
    read_choice,
    read_count,
    read_endpoint,
    read_flag,
    read_journal,
    read_optional,
    read_path,
    read_seconds,
    read_token,
    read_version,
)
from host.stray_variables import read_env_file, strays, warn
from host.stripe_key import key_mode, looks_like_stripe_key, read_key
from host.transports import TRANSPORTS, TransportName

__all__ = ["Settings"]


STRIPE_API_BASE = "https://api.stripe.com"


class Settings(Frozen, frozen=True):
    """The settings of a host. Times are seconds. Wrong values raise :class:`ConfigError` when it is made.

    ``stripe_secret_key`` is ``None`` without a key and for the demo key. ``stripe_api_base`` is https, or
    http to this machine; http elsewhere is for test keys only. ``http_timeout`` bounds the answer to one
    request, ``request_deadline`` a whole call with its waiting and retries. ``journal`` is the path or URL of
    the journal of durable runs, by default ``database``: the URL of a fleet's queue and journal. ``run_lease`` is for
    how long nobody else takes up a durable run whose process is silent. ``graphql_endpoint`` is what
    ``graphql_query`` asks, with ``graphql_token`` as its bearer; ``graphql_schema`` (an SDL file, or ``introspect``)
    checks queries first. ``stripe_webhook_secret`` is what webhooks are signed with, several with commas between while
    one is rolled; ``dashboard_token`` is what the dashboard asks for. ``max_in_flight`` counts requests under way,
    ``max_per_host`` those to one host and port (``None``: as many). ``api_limits`` holds rate, requests under way and
    retries of single APIs, by name. ``lenient``: the simulator answers by shape what it does not model, instead of
    refusing it. ``send_traceparent``: requests of runs that OpenTelemetry traces say which trace they are in.
    ``sources`` says where each field that was set was set: ``".env"``, ``"--env-file PATH"``, ``"environment"`` or
    ``"argument"``.
    """

    UNSHOWN = frozenset({"journal", "database"})  # they may hold a database's password
    UNCOMPARED = frozenset({"sources"})
    UNHASHED = frozenset({"api_limits"})

    stripe_secret_key: Secret | None = None
    stripe_api_base: str = STRIPE_API_BASE
    stripe_api_version: str | None = None
    http_timeout: Annotated[
        float, Option("--http-timeout", "How long to wait for the answer to one request.", "SECONDS")
    ] = 5.0
    connect_timeout: float = 3.0
    request_deadline: float = 30.0
    max_in_flight: int = 1000
    max_per_host: int | None = None
    queue_capacity: int = 1024
    api_limits: Annotated[
        Mapping[str, ApiLimits],
        Option(
            "--api-limits",
            "How an API is called: rate (a second), burst, in_flight, retries (repeatable).",
            "NAME:rate=N,…",
        ),
    ] = msgspec.field(default_factory=dict)
    transport: TransportName = "auto"
    send_traceparent: bool = True
    lenient: Annotated[
        bool,
        Option("--lenient", "Simulated: answer what is not modelled from the schema alone, and list it at the end."),
    ] = False
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    journal: Annotated[
        str | None, Option("--journal", "Where durable runs are recorded: a file, or the URL of a database.", "URL")
    ] = None
    database: Annotated[
        str | None, Option("--database", "The fleet's queue and journal, postgresql://USER@HOST/NAME.", "URL")
    ] = None
    run_lease: float = 30.0
    graphql_endpoint: str | None = None
    graphql_token: Secret | None = None
    graphql_schema: str | None = None
    stripe_webhook_secret: Secret | None = None
    dashboard_token: Secret | None = None
    sources: Mapping[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (variable, read) in _READERS.items():
            value = getattr(self, name)
            try:
                value = read(value)
            except ValueError as error:
                where = self.source(name)
                raise ConfigError(f"{variable} (set by {where}) {error}") from None
            msgspec.structs.force_setattr(self, name, value)
        sources = arguments.mapping("sources", self.sources, "where settings come from, by their names")
        msgspec.structs.force_setattr(self, "sources", dict(sources))
        if self.journal is None and self.database is not None:
            msgspec.structs.force_setattr(self, "journal", self.database)
        self._check_base_against_key()
        self._check_endpoint_against_token()

    @classmethod
    def load(
        cls,
        *,
        env_file: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        config: tuple[str, Mapping[str, Any]] | None = None,
        claimed: Callable[[str], bool] | None = None,
    ) -> Settings:
        """Settings from all sources. ``overrides`` are by field name; ``None`` there means "not given".

        ``config`` is a ``host.toml``'s path and its settings by field name, which all other sources win over.
        ``env_file`` replaces ``.env`` of ``cwd`` and must exist. Variables that look like a setting and are none are
        reported as :class:`~host.errors.SettingsWarning`, but for those ``claimed`` by somebody else. Raises
        :class:`ConfigError` for a value or file that cannot be used, :class:`UsageError` for an override that is no
        setting.
        """
        _check_sources(env_file, environ, cwd)
        _check_given(overrides, config, claimed)
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        if config is not None:
            path, said = config
            values |= said
            sources |= dict.fromkeys(said, path)
        file = read_env_file(env_file, cwd, _VARIABLES)
        environ = os.environ if environ is None else environ
        for message in strays(file, environ, _VARIABLES, claimed):
            warn(message)
        for source, known in ((file.source, file.values), ("environment", environ)):
            for name, (variable, _) in _READERS.items():
                text = known.get(variable)
                if text is not None:
                    values[name], sources[name] = text, source
        for name, value in (overrides or {}).items():
            if value is not None:
                values[name], sources[name] = value, "argument"
        for name in [name for name, value in values.items() if isinstance(value, str) and not value.strip()]:
            del values[name], sources[name]
        return cls(**values, sources=sources)

    @staticmethod
    def variables(
        *,
        env_file: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> Callable[[str], tuple[str, str] | None]:
        """Looks up a variable that is not a field, such as ``PETSTORE_API_KEY``: its value and where it was set."""
        _check_sources(env_file, environ, cwd)
        file = read_env_file(env_file, cwd, _VARIABLES)
        known = os.environ if environ is None else environ

        def find(variable: str) -> tuple[str, str] | None:
            for place, values in (("environment", known), (file.source, file.values)):
                text = (values.get(variable) or "").strip()
                if text:
                    return text, place
            return None

        return find

    def source(self, name: str) -> str:
        """Where the field ``name`` was set; ``"default"`` when it was not, as far as is known."""
        arguments.a_text("name", name, "a setting's name")
        if name not in _READERS:
            raise UsageError(f"name: there is no setting {name!r}{_nearest(name)}")
        if name in self.sources:
            return self.sources[name]
        return "default" if getattr(self, name) == _DEFAULTS[name] else "argument"

    @property
    def has_key(self) -> bool:
        """Whether there is a key to call the real API with."""
        return self.stripe_secret_key is not None

    @property
    def is_local(self) -> bool:
        """Whether Stripe's API is a server on this machine, such as the simulator."""
        return _is_loopback(urlsplit(self.stripe_api_base).hostname or "")

    @property
    def mode(self) -> Literal["live", "test"] | None:
        """What the key says of itself; ``None`` without a key or for a key of another form."""
        return key_mode(self.stripe_secret_key)

    def _check_endpoint_against_token(self) -> None:
        if self.graphql_endpoint is None or self.graphql_token is None:
            return
        at, of = self.source("graphql_endpoint"), self.source("graphql_token")
        if at != of:
            raise ConfigError(
                f"GRAPHQL_ENDPOINT is set by {at}, but GRAPHQL_TOKEN by {of}; an endpoint is used only with a "
                "token from the same source",
                hint=f"set both by {at}",
            )
        parts = urlsplit(self.graphql_endpoint)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"GRAPHQL_ENDPOINT (set by {at}) is {self.graphql_endpoint!r}: over plain http no token may "
                "leave this machine",
                hint="use https",
            )

    def _check_base_against_key(self) -> None:
        """A key goes only where whoever set it wanted it to go."""
        if self.stripe_secret_key is None:
            return
        base_source, key_source = self.source("stripe_api_base"), self.source("stripe_secret_key")
        if self.stripe_api_base == STRIPE_API_BASE:
            if not looks_like_stripe_key(self.stripe_secret_key.reveal()):
                raise ConfigError(
                    f"STRIPE_SECRET_KEY (set by {key_source}) does not look like a key of Stripe's; "
                    "expected one such as sk_test_… or rk_live_…",
                    hint="another server is named by STRIPE_API_BASE, from the same source",
                )
            return
        if base_source != key_source:
            raise ConfigError(
                f"STRIPE_API_BASE is set by {base_source}, but STRIPE_SECRET_KEY by {key_source}; "
                "a base URL is used only with a key from the same source",
                hint=f"set both by {base_source}, or leave STRIPE_API_BASE out",
            )
        parts = urlsplit(self.stripe_api_base)
        if parts.scheme == "http" and self.mode != "test" and not _is_loopback(parts.hostname or ""):
            raise ConfigError(
                f"STRIPE_API_BASE (set by {base_source}) is {self.stripe_api_base!r}: over plain http only "
                "a test key (sk_test_…) may leave this machine",
                hint="use https, or a test key",
            )


_READERS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "stripe_secret_key": ("STRIPE_SECRET_KEY", read_key),
    "stripe_api_base": ("STRIPE_API_BASE", read_base),
    "stripe_api_version": ("STRIPE_API_VERSION", read_version),
    "http_timeout": ("HOST_HTTP_TIMEOUT", read_seconds),
    "connect_timeout": ("HOST_CONNECT_TIMEOUT", read_seconds),
    "request_deadline": ("HOST_REQUEST_DEADLINE", read_seconds),
    "max_in_flight": ("HOST_MAX_IN_FLIGHT", read_count(100_000)),
    "max_per_host": ("HOST_MAX_PER_HOST", read_optional(read_count(100_000))),
    "queue_capacity": ("HOST_QUEUE_CAPACITY", read_count(1_000_000)),
    "api_limits": ("HOST_API_LIMITS", read_api_limits),
    "transport": ("HOST_TRANSPORT", read_choice(*TRANSPORTS)),
    "send_traceparent": ("HOST_SEND_TRACEPARENT", read_flag),
    "lenient": ("HOST_LENIENT", read_flag),
    "journal": ("HOST_JOURNAL", read_journal),
    "database": ("HOST_DATABASE", read_journal),
    "run_lease": ("HOST_RUN_LEASE", read_seconds),
    "graphql_endpoint": ("GRAPHQL_ENDPOINT", read_endpoint),
    "graphql_token": ("GRAPHQL_TOKEN", read_token),
    "graphql_schema": ("GRAPHQL_SCHEMA", read_path),
    "stripe_webhook_secret": ("STRIPE_WEBHOOK_SECRET", read_token),
    "dashboard_token": ("HOST_DASHBOARD_TOKEN", read_token),
    "log_level": ("HOST_LOG_LEVEL", read_choice("debug", "info", "warning", "error", warn="warning")),
}
"""Field → its variable, and what reads its value: gives the clean one, or ValueError saying what is wrong."""

_VARIABLES = frozenset(variable for variable, _ in _READERS.values())

_DEFAULTS: dict[str, Any] = {
    **dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)),
    "api_limits": {},
}


def _check_sources(env_file: Any, environ: Any, cwd: Any) -> None:
    if env_file is not None:
        arguments.a_path("env_file", env_file)
    if cwd is not None:
        arguments.a_path("cwd", cwd)
    if environ is not None:
        arguments.mapping("environ", environ, "variables by their names")


def _check_given(overrides: Any, config: Any, claimed: Any) -> None:
    if claimed is not None and (isinstance(claimed, type) or not callable(claimed)):
        raise arguments.wrong("claimed", claimed, "a function of a variable's name")
    if config is not None:
        pair = arguments.an_instance("config", config, tuple, "a file's path and its settings")
        if len(pair) != 2 or not isinstance(pair[1], Mapping):
            raise arguments.wrong("config", config, "a file's path and its settings")
        for name in pair[1]:
            if name not in _READERS:
                raise ConfigError(f"{pair[0]}: there is no setting {name!r}{_nearest(name)}")
    for name in arguments.mapping("overrides", overrides, "settings by their names") if overrides is not None else ():
        if name not in _READERS:
            raise UsageError(f"there is no setting {name!r}{_nearest(name)}")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _nearest(name: str) -> str:
    near = nearest_name(name, _READERS)
    return f"; did you mean {near!r}?" if near else f"; settings are {', '.join(_READERS)}"
