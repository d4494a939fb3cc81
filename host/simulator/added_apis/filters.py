"""Filters of an added API's lists: each parameter names a member of the listed objects, or is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.apis.catalog import Param, Schema
from host.apis.page_names import plain_name
from host.apis.page_parameters import page_names
from host.simulator.context import Object, RequestContext, Test
from host.simulator.list_filters import COMPARE
from host.simulator.not_simulated import names

# Plain names of parameters that are no filters: the format of the answer, the version of the API.
_NO_FILTERS = frozenset({"apiversion", "pretty", "prettyprint", "version"})
_FILTERS = frozenset({"filter", "filters", "where"})  # parameters that hold filters for several members


def filters(call: RequestContext, members: Mapping[str, Schema]) -> list[Test]:
    """Tests of what the query requires of each object. A parameter that names no member is refused (or recorded).

    ``members`` are the schemas of the objects' members, by name.
    """
    operation = call.plan.operation
    pages, known = page_names(operation), {plain_name(name): name for name in members}
    tests: list[Test] = []
    for name, wanted in call.params.items():
        param = operation.params.get(name)
        if param is None or param.location not in ("query", "body") or param.name in pages:
            continue
        if _is_no_filter(call, param, wanted):
            continue
        found = _tests(plain_name(param.name), wanted, known)
        if found is None:
            can = [p.name for p in operation.params.values() if plain_name(p.name) in known]
            instead = f"It filters by {names(can)}." if can else ""
            call.not_modelled(f"the parameter {param.name}, which is no member of what is listed", instead, param.name)
        tests.extend(found or ())
    return tests


def _is_no_filter(call: RequestContext, param: Param, wanted: Any) -> bool:
    default = call.backend.catalog.resolve(param.schema).default
    return plain_name(param.name) in _NO_FILTERS or wanted is None or (default is not None and wanted == default)


def _tests(plain: str, wanted: Any, known: Mapping[str, str]) -> list[Test] | None:
    """The tests that a parameter stands for; ``None`` if it names no member."""
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
    """A test that a number is within bounds, or a text of a sortable form, such as a time."""

    def test(value: Object) -> bool:
        have = value.get(member)
        return all(type(have) is type(bound) and COMPARE[word](have, bound) for word, bound in bounds.items())

    return test
