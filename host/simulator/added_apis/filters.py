"""Which objects a list of an added API is asked for: each parameter is a member of them, or is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.apis.catalog import Param, Schema
from host.apis.page_names import plain_name
from host.apis.pagination import page_names
from host.simulator.context import Object, RequestContext, Test
from host.simulator.not_simulated import names
from host.simulator.pagination import COMPARE

# What says nothing of the objects, by its plain name: how an answer is written, which version answers.
_SAYS_NOTHING = frozenset({"apiversion", "pretty", "prettyprint", "version"})
_FILTERS = frozenset({"filter", "filters", "where"})  # that hold filters of several members


def filters(call: RequestContext, members: Mapping[str, Schema]) -> list[Test]:
    """What the query asks of each object; what it asks of none of its members is refused, or noted."""
    operation = call.plan.operation
    pages, known = page_names(operation), {plain_name(name): name for name in members}
    tests: list[Test] = []
    for name, wanted in call.params.items():
        param = operation.params.get(name)
        if param is None or param.location not in ("query", "body") or param.name in pages:
            continue
        if _says_nothing(call, param, wanted):
            continue
        found = _tests(plain_name(param.name), wanted, known)
        if found is None:
            can = [p.name for p in operation.params.values() if plain_name(p.name) in known]
            instead = f"It filters by {names(can)}." if can else ""
            call.not_modelled(f"the parameter {param.name}, which is no member of what is listed", instead, param.name)
        tests.extend(found or ())
    return tests


def _says_nothing(call: RequestContext, param: Param, wanted: Any) -> bool:
    default = call.world.catalog.resolve(param.schema).default
    return plain_name(param.name) in _SAYS_NOTHING or wanted is None or (default is not None and wanted == default)


def _tests(plain: str, wanted: Any, known: Mapping[str, str]) -> list[Test] | None:
    """The tests that a parameter stands for; ``None``: it is none of the members."""
    member = known.get(plain) or (known.get(plain.removesuffix("s")) if isinstance(wanted, list) else None)
    if not isinstance(wanted, dict):
        return [_among(member, wanted if isinstance(wanted, list) else [wanted])] if member is not None else None
    if member is not None:
        return [_compared(member, wanted)] if wanted.keys() <= COMPARE.keys() else None
    if plain not in _FILTERS:
        return None
    inner = [_tests(plain_name(name), item, known) for name, item in wanted.items()]
    return [test for tests in inner if tests is not None for test in tests] if None not in inner else None


def _among(member: str, wanted: list[Any]) -> Test:
    texts = {str(each).lower() for each in wanted}

    def test(value: Object) -> bool:
        have = value.get(member)
        return any(str(each).lower() in texts for each in (have if isinstance(have, list) else [have]))

    return test


def _compared(member: str, bounds: Mapping[str, Any]) -> Test:
    """Within bounds, of a number or of texts in one form, as times are."""

    def test(value: Object) -> bool:
        have = value.get(member)
        return all(type(have) is type(bound) and COMPARE[word](have, bound) for word, bound in bounds.items())

    return test
