"""The settings of the HTTP client, as one frozen value."""

from __future__ import annotations

import msgspec

from host.errors import ConfigError
from host.transports import TRANSPORTS, TransportName

__all__ = ["HttpSettings"]

EARLY = 0.012  # seconds before a call's deadline at which waits end whose error says more than that it has passed


class HttpSettings(msgspec.Struct, frozen=True):
    """Times are seconds, sizes bytes.

    ``read_timeout`` limits the whole answer to anything but a mutation; a mutation may take as long as its
    call's deadline allows, because giving it up would leave its outcome unknown. ``idle`` is how long an
    unused connection is kept, ``keepalive`` the interval of TCP's own probes. ``max_answer_bytes`` counts
    the decoded body. ``transport`` is a name of ``host.transports``.
    ``ssl_cert_file`` is a PEM file of further roots to trust; ``None`` is what ``SSL_CERT_FILE`` says.
    ``trust_env`` says whether ``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY`` are honoured.
    """

    connect_timeout: float = 3.0
    read_timeout: float = 5.0
    idle: float = 10.0
    keepalive: float = 30.0
    max_answer_bytes: int = 64 * 1024 * 1024
    transport: TransportName = "auto"
    user_agent: str = "luahost"
    verify: bool = True
    ssl_cert_file: str | None = None
    trust_env: bool = True

    def __post_init__(self) -> None:
        for name in ("connect_timeout", "read_timeout", "idle", "keepalive", "max_answer_bytes"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected a number above 0")
        if self.transport not in TRANSPORTS:
            raise ConfigError(f"transport is {self.transport!r}, expected {' or '.join(TRANSPORTS)}")
