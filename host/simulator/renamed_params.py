"""Names parameters in errors as the request did, where its work is done under the names of another operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from host.simulator.api_error import SimulatedError


@contextmanager
def renaming(names: Mapping[str, str]) -> Iterator[None]:
    """Give the parameter of an error that is raised within the name that the request has for it.

    ``names`` are by the whole name used within, or by its first part: ``{"unit_amount": "amount"}``,
    ``{"transfer_data": "default_settings[transfer_data]"}``. What becomes "" is left out, with its index:
    ``{"items": ""}`` makes ``price`` of ``items[0][price]``.
    """
    try:
        yield
    except SimulatedError as error:
        for old, new in names.items():
            if "_" in old:  # a word of the API, and no plain English
                error.message = re.sub(rf"(?<![\w\[]){re.escape(old)}(?!\w)", new, error.message)
        found = error.param
        head = found if found in names else (found or "").partition("[")[0]
        if found is not None and head is not None and head in names:
            error.param = _renamed(found, head, names[head]) or None
            if "[" in found and error.param:
                error.message = error.message.replace(found, error.param)
        raise


def _renamed(name: str, head: str, new: str) -> str:
    if new:
        return new + name.removeprefix(head)
    inner = name.replace("]", "").split("[")[1:]
    inner = inner[1:] if inner and inner[0].isdecimal() else inner
    return "".join(f"[{part}]" if n else part for n, part in enumerate(inner))
