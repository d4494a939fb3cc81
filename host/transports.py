"""The transports a host can use, by the name of ``HOST_TRANSPORT`` and ``Host(transport=…)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

__all__ = ["TRANSPORTS", "TransportName"]

TransportName = Literal["auto", "httpx"]

TRANSPORTS: Final[Mapping[TransportName, str]] = {
    "auto": "the host's own HTTP/1.1 connections, and httpx's transport behind a proxy",
    "httpx": "httpx's own transport, always",
}
