"""The trace that a program is in, as W3C's ``traceparent`` (https://www.w3.org/TR/trace-context/): a string that goes
anywhere, to another thread, process or machine.

OpenTelemetry is looked for among what is loaded, never loaded: a program without it is in no trace.
"""

from __future__ import annotations

import re
import sys

from host.errors import UsageError

__all__ = ["checked_traceparent", "current_traceparent"]

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]*)?")


def current_traceparent() -> str | None:
    """The OpenTelemetry span that is current here, as ``00-<trace>-<span>-<flags>``; ``None`` without any."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    span = api.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else None


def checked_traceparent(name: str, value: object) -> str:
    """``value`` if it is one. Raises ``UsageError`` saying what ``name`` is to be."""
    if not isinstance(value, str) or len(value) > 512 or not _TRACEPARENT.fullmatch(value):
        raise UsageError(
            f"{name}: expected a traceparent such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01; "
            f"got {str(value)[:80]!r}"
        )
    if value.startswith("00-") and len(value) != 55:
        raise UsageError(f"{name}: a traceparent of version 00 has four parts; got {value[:80]!r}")
    return value
