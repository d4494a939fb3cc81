"""Settings of a host: where they come from, what they may be, and which wins.

Defaults < ``.env`` in the current folder (or the file given) < environment < arguments. An empty value puts
the default back. Nothing here changes ``os.environ``.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NoReturn, cast
from urllib.parse import urlsplit

import msgspec

from host import arguments
from host.errors import ConfigError, UsageError
from host.frozen import Frozen
from host.limits import ApiLimits, read_api_limits
from host.nearest_name import nearest_name
from host.option import Option
from host.stray_variables import read_env_file, strays, warn
from host.transports import TRANSPORTS, TransportName

__all__ = ["DEMO_KEY", "Secret", "Settings"]

DEMO_KEY = "sk_test_demo_key"
"""The placeholder of tutorials and of ``.env.example``: counts as no key."""

STRIPE_API_BASE = "https://api.stripe.com"
MAX_SECONDS = 86_400.0
_QUOTES = "\"'`“”„‘’«»"

_KEY_PREFIX = re.compile(r"(?:[a-z]{2,5}_(?:org_)?(?:live|test)_|[a-z]{2,6}_)?")
_KEY_MODE = re.compile(r"[a-z]{2,5}_(?:org_)?(live|test)_")
_STRIPE_KEY = re.compile(r"(?:sk|rk)_(?:org_)?(?:live|test)_\w+", re.ASCII)
_OTHER_KEYS = {
    "pk_": "is a publishable key (pk_…)",
    "whsec_": "is the secret of a webhook (whsec_…)",
    "ek_": "is an ephemeral key (ek_…)",
}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """A string that does not show itself: ``str`` and ``repr`` give a mask, only :meth:`reveal` the value.

    Compared and hashed by value. Pickling is refused, so that a secret crosses to another process or a
    file only where somebody wrote :meth:`reveal`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise UsageError(f"a Secret holds a string, not {type(value).__name__}")
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __str__(self) -> str:
        match = _KEY_PREFIX.match(self._value)
        prefix = match.group() if match else ""
        rest = self._value[len(prefix) :]
        return f"{prefix}…{rest[-4:]}" if len(rest) >= 16 else f"{prefix}…"

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; pass secret.reveal() where the value itself must go")


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
            if not _looks_like_stripe_key(self.stripe_secret_key.reveal()):
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


def _looks_like_stripe_key(text: str) -> bool:
    """Whether it has the form of a secret or restricted key, and is not a placeholder (``sk_test_xxx``)."""
    is_placeholder = text.lower().endswith(("_xxx", "xxxx", "your_key", "key_here"))
    return _STRIPE_KEY.fullmatch(text) is not None and not is_placeholder


def key_mode(key: Secret | None) -> Literal["live", "test"] | None:
    """``"live"`` or ``"test"`` by the key's prefix (``sk_live_``, ``rk_test_`` …), else ``None``."""
    match = _KEY_MODE.match(key.reveal()) if key is not None else None
    return cast(Literal["live", "test"], match.group(1)) if match else None


def _read_key(value: object) -> Secret | None:
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ValueError(f"is {type(value).__name__}; expected a string")
    text = (value.reveal() if isinstance(value, Secret) else value).strip()
    if text in ("", DEMO_KEY):
        return None
    expected = "expected a secret key (sk_…) or restricted key (rk_…)"
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise ValueError(f"is in quotes, which would be sent with it; {expected}")
    if text.endswith(("…", "...", "***")):
        raise ValueError(f"is cut off, or a placeholder; {expected}")
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("holds a space, line break or non-ASCII character; expected a key such as sk_test_…")
    for prefix, what in _OTHER_KEYS.items():
        if text.startswith(prefix):
            raise ValueError(f"{what}; {expected}")
    return Secret(text)


def _read_base(value: object) -> str:
    allowed = "expected a URL such as https://api.stripe.com"
    if not isinstance(value, str):
        raise ValueError(f"is {type(value).__name__}; {allowed}")
    text = value.strip()
    if "@" in text:  # not repeated: what stands before the @ may be a password
        raise ValueError(f"holds a user name or '@'; {allowed}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is {text!r}; {allowed}") from None
    well_formed = parts.scheme in ("https", "http") and parts.hostname and port != 0
    if not well_formed or not _PRINTABLE.fullmatch(text) or parts.query or parts.fragment:
        raise ValueError(f"is {text!r}; {allowed}, without query or fragment")
    return text.rstrip("/")


def _read_endpoint(value: object) -> str | None:
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    allowed = "expected a URL such as https://api.example.com/graphql"
    if "@" in text.partition("?")[0]:  # not repeated: what stands before the @ may be a password
        raise ValueError(f"holds a user name or '@'; {allowed}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is {text!r}; {allowed}") from None
    well_formed = parts.scheme in ("https", "http") and parts.hostname and port != 0
    if not well_formed or not _PRINTABLE.fullmatch(text) or parts.fragment:
        raise ValueError(f"is {text!r}; {allowed}")
    return text


def _read_token(value: object) -> Secret | None:
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ValueError(f"is {type(value).__name__}; expected a string")
    text = (value.reveal() if isinstance(value, Secret) else value).strip()
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("is empty, or holds a space, line break or non-ASCII character")
    return Secret(text)


def _read_path(value: object) -> str | None:
    if value is None:
        return None
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError(f"is {value!r}; expected a file's path, or introspect")
    return text.strip()


def _read_version(value: object) -> str | None:
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(\.\w+)?(; ?\w+=v\d+)*", text, re.ASCII):
        raise ValueError(f"is {value!r}; expected a version such as 2025-09-30.clover")
    return text


def _read_flag(value: object) -> bool:
    text = value.strip().lower() if isinstance(value, str) else value
    if text is True or text in ("true", "1", "yes", "on"):
        return True
    if text is False or text in ("false", "0", "no", "off"):
        return False
    raise ValueError(f"is {value!r}; expected true or false")


def _read_journal(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"is {type(value).__name__}; expected a file's path or a database's URL")
    return os.fspath(value).strip() or None


def _read_seconds(value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(cast(Any, value))
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= MAX_SECONDS:
        raise ValueError(f"is {value!r}; expected seconds, a number above 0 and at most {MAX_SECONDS:.0f}")
    return number


def _count(maximum: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = value
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            number = int(value)
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= maximum:
            raise ValueError(f"is {value!r}; expected a whole number from 1 to {maximum}")
        return number

    return read


def _optional(read: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else read(value)


def _choice(*allowed: str, **aliases: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = value.strip().lower() if isinstance(value, str) else ""
        text = aliases.get(text, text)
        if text not in allowed:
            raise ValueError(f"is {value!r}; expected one of {', '.join(allowed)}")
        return text

    return read


_READERS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "stripe_secret_key": ("STRIPE_SECRET_KEY", _read_key),
    "stripe_api_base": ("STRIPE_API_BASE", _read_base),
    "stripe_api_version": ("STRIPE_API_VERSION", _read_version),
    "http_timeout": ("HOST_HTTP_TIMEOUT", _read_seconds),
    "connect_timeout": ("HOST_CONNECT_TIMEOUT", _read_seconds),
    "request_deadline": ("HOST_REQUEST_DEADLINE", _read_seconds),
    "max_in_flight": ("HOST_MAX_IN_FLIGHT", _count(100_000)),
    "max_per_host": ("HOST_MAX_PER_HOST", _optional(_count(100_000))),
    "queue_capacity": ("HOST_QUEUE_CAPACITY", _count(1_000_000)),
    "api_limits": ("HOST_API_LIMITS", read_api_limits),
    "transport": ("HOST_TRANSPORT", _choice(*TRANSPORTS)),
    "send_traceparent": ("HOST_SEND_TRACEPARENT", _read_flag),
    "lenient": ("HOST_LENIENT", _read_flag),
    "journal": ("HOST_JOURNAL", _read_journal),
    "database": ("HOST_DATABASE", _read_journal),
    "run_lease": ("HOST_RUN_LEASE", _read_seconds),
    "graphql_endpoint": ("GRAPHQL_ENDPOINT", _read_endpoint),
    "graphql_token": ("GRAPHQL_TOKEN", _read_token),
    "graphql_schema": ("GRAPHQL_SCHEMA", _read_path),
    "stripe_webhook_secret": ("STRIPE_WEBHOOK_SECRET", _read_token),
    "dashboard_token": ("HOST_DASHBOARD_TOKEN", _read_token),
    "log_level": ("HOST_LOG_LEVEL", _choice("debug", "info", "warning", "error", warn="warning")),
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
