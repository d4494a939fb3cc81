"""What a request asks for: the fields of a form, the filter and the place in a list, read and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from host.durable.run_list import STATES, RunFilter, RunPosition
from host.errors import UsageError

__all__ = ["filter_of", "form_of", "is_id", "newest", "older", "position_of", "sequence_of", "text_of"]

LARGEST_FORM: Final = 16 * 1024
LONGEST_TEXT: Final = 200
LARGEST_SEQUENCE: Final = 2**63 - 1

_POSITION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,10})?)/([A-Za-z0-9._:~-]{1,200})")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, each once. Raises ``UsageError`` for what is none, or is too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UsageError("expected a form, sent as application/x-www-form-urlencoded")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise UsageError(f"the form is longer than {LARGEST_FORM} bytes")
    try:
        return dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise UsageError(f"the form cannot be read: {error}") from None


def filter_of(query: Mapping[str, str]) -> RunFilter:
    """Which runs a page of the list is to show. Raises ``UsageError`` naming the field that is wrong."""
    state = query.get("state", "")
    if state and state not in STATES:
        raise UsageError(f"there is no state {state[:40]!r}; expected one of {', '.join(STATES)}")
    return RunFilter(
        state=state,
        script=text_of(query, "script"),
        text=text_of(query, "text"),
        since=_time(query, "since"),
        until=_time(query, "until"),
    )


def position_of(query: Mapping[str, str]) -> RunPosition | None:
    """Where a page of the list begins; see :func:`older`."""
    said = query.get("after", "")
    if not said:
        return None
    found = _POSITION.fullmatch(said)
    if found is None:
        raise UsageError("after: expected a place in the list, as the link to older runs has it")
    return float(found[1]), found[2]


def newest(kept: Mapping[str, str]) -> str:
    """The first page of the list, with the same filter."""
    return f"/?{urlencode({name: text for name, text in kept.items() if text})}"


def older(kept: Mapping[str, str], position: RunPosition) -> str:
    """The page with the runs after a position, with the same filter."""
    return newest({**kept, "after": f"{position[0]:.10f}/{position[1]}"})


def is_id(text: str) -> bool:
    """Whether a run can have this id."""
    return re.fullmatch(r"[A-Za-z0-9._:~-]{1,200}", text) is not None


def sequence_of(query: Mapping[str, str]) -> int:
    """Where a page of a run's log begins."""
    said = query.get("after", "0")
    if not re.fullmatch(r"[0-9]{1,19}", said) or int(said) > LARGEST_SEQUENCE:
        raise UsageError("after: expected the number of a record, as the link to more calls has it")
    return int(said)


def text_of(query: Mapping[str, str], name: str) -> str:
    """A field of free text. Raises ``UsageError`` where it is too long."""
    text = query.get(name, "").strip().replace("\0", "")
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"{name}: expected at most {LONGEST_TEXT} characters")
    return text


def _time(query: Mapping[str, str], name: str) -> float | None:
    """A local time, as a browser's field gives it, or one with its offset, as seconds since 1970."""
    said = query.get(name, "").strip()
    if not said:
        return None
    try:
        found = datetime.fromisoformat(said).timestamp()
    except (ValueError, OverflowError, OSError):
        found = math.nan
    if not math.isfinite(found):
        raise UsageError(f"{name}: expected a time such as 2026-03-01T12:00, got {said[:40]!r}")
    return found
