"""Members of objects: where they are, what they may be when new, metadata and moments."""

from __future__ import annotations

import re
import time
from collections.abc import Container, Mapping, Sequence
from typing import Any

from host.apis.catalog import Schema
from host.simulator.api_error import invalid

METADATA_KEYS = 50  # https://docs.stripe.com/api/metadata
_STALE = re.compile(r"^[a-z_]{2,12}_(?:test_)?\w{8,}$|stripe\.me/|^(?:sample_secret|obj_123)$")
_PLAUSIBLE = 10_000  # greater sample numbers are made up


def covered(path: str, names: Container[str]) -> bool:
    """Whether a dotted path, or one above it, is among ``names``."""
    while path not in names:
        path, _, last = path.rpartition(".")
        if not last or not path:
            return False
    return True


def gives(values: Mapping[str, Any], path: str) -> bool:
    """Whether ``values`` have something at a dotted path, or something that is no object above it."""
    node: Any = values
    for name in path.split("."):
        if not isinstance(node, dict):
            return True
        if name not in node:
            return False
        node = node[name]
    return True


def set_member(target: dict[str, Any], place: Sequence[str], item: Any) -> bool:
    """Set a member of a member; False where one on the way is not there."""
    for name in place[:-1]:
        inner = target.get(name)
        if not isinstance(inner, dict):
            return False
        target = inner
    target[place[-1]] = item
    return True


def is_time(name: str, full: Schema, *, by_name: bool) -> bool:
    """Whether a member is a moment. Stripe's document does not say so of texts, and then the name does."""
    named = by_name and full.type == "string" and (name.endswith("_at") or name in ("updated", "timestamp"))
    return named or full.format in ("unix-time", "date-time")


def fresh_sample(full: Schema, sample: Any) -> bool:
    """Whether a field that may be null has its sample's value when new: zero, false, an enum's word."""
    if isinstance(sample, dict | list):
        return sample == {} and full.additional is not None
    return sample is not None and (not sample or sample in full.enum)


def sample_scalar(name: str, full: Schema, sample: Any) -> Any:
    """A plain value that must be there: the document's default, or what its sample has, unless that is stale."""
    if full.default is not None:
        return full.default
    if full.type == "boolean":
        return sample if name != "livemode" and isinstance(sample, bool) else False
    if full.type in ("integer", "number"):
        numeric = isinstance(sample, int | float) and abs(sample) < _PLAUSIBLE
        return sample if numeric else max(0, int(full.minimum or 0))
    if full.type == "string":
        stale = not isinstance(sample, str) or sample == name or _STALE.search(sample)
        return "" if stale else sample
    return sample


def merged(current: Any, changes: dict[str, Any] | None) -> dict[str, Any]:
    """Metadata after an update: ``None`` clears all, an entry of "" or ``None`` goes."""
    if changes is None:
        return {}
    whole = {**(current or {}), **changes}
    found = {key: value for key, value in whole.items() if value not in ("", None)}
    if len(found) > METADATA_KEYS:
        raise invalid(f"Metadata can have up to {METADATA_KEYS} keys in all.", "metadata")
    return found


def iso_time(now: float) -> str:
    """Seconds since 1970 as ``2026-01-31T12:00:00.000Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now))
