"""Members of objects: finding and setting them by path, their values in new objects, metadata and times."""

from __future__ import annotations

import re
import time
from collections.abc import Container, Mapping, Sequence
from typing import Any

from host.apis.catalog import Schema
from host.simulator.api_error import invalid

METADATA_KEYS = 50  # https://docs.stripe.com/api/metadata
_STALE = re.compile(r"^[a-z_]{2,12}_(?:test_)?\w{8,}$|stripe\.me/|^(?:sample_secret|obj_123)$")
_PLAUSIBLE = 10_000  # sample numbers from here on are ids and times, not values of a new object


def covered(path: str, names: Container[str]) -> bool:
    """Whether a dotted path, or the path of a member it is in, is among ``names``."""
    while path not in names:
        path, _, last = path.rpartition(".")
        if not last or not path:
            return False
    return True


def gives(values: Mapping[str, Any], path: str) -> bool:
    """Whether ``values`` have a member at a dotted path, or a member on the way that is not an object."""
    node: Any = values
    for name in path.split("."):
        if not isinstance(node, dict):
            return True
        if name not in node:
            return False
        node = node[name]
    return True


def set_member(target: dict[str, Any], place: Sequence[str], item: Any) -> bool:
    """Set the member at the path ``place``. Returns False, and sets nothing, where an object on the way is missing."""
    for name in place[:-1]:
        inner = target.get(name)
        if not isinstance(inner, dict):
            return False
        target = inner
    target[place[-1]] = item
    return True


def is_time(name: str, full: Schema, *, by_name: bool) -> bool:
    """Whether a member is a point in time. Stripe's document gives texts no format, so ``by_name`` goes by the name."""
    named = by_name and full.type == "string" and (name.endswith("_at") or name in ("updated", "timestamp"))
    return named or full.format in ("unix-time", "date-time")


def fresh_sample(full: Schema, sample: Any) -> bool:
    """Whether a nullable member of a new object has the sample's value: zero, false, or a value of its enum."""
    if isinstance(sample, dict | list):
        return sample == {} and full.additional is not None
    return sample is not None and (not sample or sample in full.enum)


def sample_scalar(name: str, full: Schema, sample: Any) -> Any:
    """The value of a required plain member: the document's default, or the sample's value unless it is stale."""
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
    """Metadata after an update: ``None`` clears it, and an entry of "" or ``None`` is removed.

    https://docs.stripe.com/api/metadata
    """
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
