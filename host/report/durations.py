"""Running durations as text."""

from __future__ import annotations

__all__ = ["elapsed"]


def elapsed(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``2:05``, ``1:02:05``."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
