"""The requirements of a run and the capabilities of a worker."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from host.durable.records import VERSION as RECORDS

if TYPE_CHECKING:
    from host.apis.api import Api
    from host.functions.functions import Function

__all__ = ["FORMAT", "Needs", "Offers", "lacking", "needs_of", "offers_of"]

FORMAT: Final = 1
"""The format of submitted runs. A worker leaves runs of a later format to newer workers."""

STRIPE: Final = "stripe"
_STRIPE = re.compile(rb"\bnew_[a-z]|\bgraphql_query\b")


class Offers(msgspec.Struct, frozen=True):
    """The APIs and functions of a worker: a digest of the definition by name."""

    apis: dict[str, str] = {}
    functions: dict[str, str] = {}
    mode: str = ""
    format: int = FORMAT
    records: int = RECORDS


class Needs(msgspec.Struct, frozen=True):
    """The requirements of a run. An empty digest or ``mode`` (live, test, simulated, other) accepts any."""

    apis: dict[str, str] = {}
    functions: dict[str, str] = {}
    mode: str = ""
    format: int = FORMAT
    records: int = 0

    @property
    def id(self) -> str:
        """An identifier that is equal for equal needs, used as the suffix of a queue's name."""
        text = msgspec.json.encode(self, order="sorted")
        return hashlib.sha256(text).hexdigest()[:12]


def lacking(needs: Needs, offers: Offers) -> list[str]:
    """Descriptions of what a worker lacks for a run; empty if it can run it."""
    found = []
    for what, wanted, there in (("API", needs.apis, offers.apis), ("function", needs.functions, offers.functions)):
        for name, digest in sorted(wanted.items()):
            if name not in there:
                found.append(f"it has no {what} {name}")
            elif name == STRIPE and what == "API":
                if there[name] and there[name] < digest:
                    found.append(f"its catalog of Stripe is that of {there[name]}, and the run's of {digest}")
            elif digest and there[name] and digest != there[name]:
                found.append(f"its {what} {name} is another one")
    if needs.mode and needs.mode != offers.mode:
        found.append(f"it is {offers.mode or 'without a key'}, and the run was submitted as {needs.mode}")
    if needs.format > offers.format or needs.records > offers.records:
        found.append("its version of luahost is too old")
    return found


def offers_of(apis: Mapping[str, Api], functions: Mapping[str, Function], mode: str) -> Offers:
    """What a host has. Stripe's catalog, which comes with the package and only grows, has its version for a digest: one
    that begins with its date."""
    return Offers(
        {name: api.catalog.version if name == STRIPE else _digest(api.catalog.dump()) for name, api in apis.items()},
        {name: _digest(_shape(function)) for name, function in functions.items()},
        mode,
    )


def needs_of(texts: Iterable[bytes], known: Offers) -> Needs:
    """The needs of a run: those of the ``known`` APIs and functions whose names occur in its ``texts``."""
    names: set[bytes] = set()
    stripe = False
    for text in texts:
        names.update(re.findall(rb"[A-Za-z_]\w*", text))
        stripe = stripe or _STRIPE.search(text) is not None

    def named(some: Mapping[str, str]) -> dict[str, str]:
        return {name: digest for name, digest in sorted(some.items()) if name.encode() in names}

    apis = named(known.apis)
    if stripe and STRIPE in known.apis:
        apis[STRIPE] = known.apis[STRIPE]
    return Needs(apis, named(known.functions), known.mode if apis else "")


def _shape(function: Function) -> bytes:
    """A function's interface, for its digest: its parameters, and whether it is a mutation."""
    parameters: list[Any] = [
        (each.name, each.kind.name, each.default is each.empty)
        for each in inspect.signature(function.target).parameters.values()
    ]
    return repr((function.effect, parameters)).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
