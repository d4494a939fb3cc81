"""Stripe's search query language: https://docs.stripe.com/search#search-query-language"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from host.simulator.api_error import SimulatedError, invalid

Test = Callable[[dict[str, Any]], bool]

_CLAUSE = re.compile(
    r"""\s*(?P<not>-)?
        (?P<field>[A-Za-z_][\w.]*)
        (?:\[\s*(?P<q>["'])(?P<key>.*?)(?P=q)\s*\])?
        \s*(?P<op>[:~]|[<>]=?)\s*
        (?:"(?P<dq>(?:[^"\\]|\\.)*)"|'(?P<sq>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s"']+))""",
    re.X,
)
_JOIN = re.compile(r"\s+(AND|OR)\s+|\s+(?=\S)", re.I)


# The fields each resource can be searched by: https://docs.stripe.com/search#supported-query-fields-for-each-resource
FIELDS: dict[str, str] = {
    "charge": r"amount|billing_details\.address\.postal_code|created|currency|customer|disputed|metadata|refunded"
    r"|status|payment_method_details\.\w+\.(?:last4|exp_month|exp_year|brand|fingerprint)",
    "customer": r"created|email|metadata|name|phone",
    "invoice": r"created|currency|customer|last_finalization_error_(?:code|type)|metadata|number|receipt_number|status"
    r"|subscription|total",
    "payment_intent": r"amount|created|currency|customer|metadata|status",
    "price": r"active|currency|lookup_key|metadata|product|type",
    "product": r"active|description|metadata|name|shippable|url",
    "subscription": r"canceled_at|created|metadata|status",
}
# The fields that are numbers; all others are text, which stands in quotation marks.
_NUMBERS = re.compile(r"amount|total|created|canceled_at|.*\.exp_(?:month|year)")
# Fields that are elsewhere in the object.
_PLACES = {
    "last_finalization_error_code": "last_finalization_error.code",
    "last_finalization_error_type": "last_finalization_error.type",
    "subscription": "parent.subscription_details.subscription",
}
LEAST_PART = 3  # characters of a substring that ``~`` searches for


def parse(query: str, kind: str = "") -> Test:
    """The test that a query stands for. Its clauses are all joined by AND (or a space), or all by OR.

    Only the :data:`FIELDS` of ``kind`` may be used. Raises :class:`SimulatedError` for any other query.
    """
    tests: list[Test] = []
    joins: set[str] = set()
    at = 0
    while True:
        found = _CLAUSE.match(query, at)
        if found is None:
            raise _malformed(query)
        _check(found, kind)
        tests.append(_test(found, kind))
        at = found.end()
        if not query[at:].strip():
            break
        join = _JOIN.match(query, at)
        if join is None:
            raise _malformed(query)
        joins.add((join[1] or "AND").upper())
        at = join.end()
    if len(joins) > 1:
        raise invalid("You cannot combine AND and OR in one search query.", "query")
    if "OR" in joins:
        return lambda value: any(test(value) for test in tests)
    return lambda value: all(test(value) for test in tests)


def _malformed(query: str) -> SimulatedError:
    return invalid(f"We were unable to parse your search query: {query[:80]!r}", "query")


def _check(clause: re.Match[str], kind: str) -> None:
    """Refuse a field that cannot be searched by, and a substring that is too short."""
    field, quoted = clause["field"], clause["dq"] if clause["dq"] is not None else clause["sq"]
    if kind in FIELDS and not re.fullmatch(FIELDS[kind], field):
        raise invalid(f"Field `{field}` is an unsupported search field for resource `{kind}s`.", "query")
    if kind in FIELDS:
        _check_value(clause, quoted)
    if clause["op"] == "~" and len(quoted if quoted is not None else clause["bare"]) < LEAST_PART:
        raise invalid(f"Substring search needs at least {LEAST_PART} characters: {clause[0].strip()}", "query")


def _check_value(clause: re.Match[str], quoted: str | None) -> None:
    """Refuse what no field can be: https://docs.stripe.com/search#query-fields-values"""
    text, operator = quoted if quoted is not None else clause["bare"], clause["op"]
    if quoted is None and text == "null":
        return
    if not _NUMBERS.fullmatch(clause["field"]):
        if operator not in (":", "~"):
            raise invalid(f"Only numeric fields can be compared with `{operator}`: {clause[0].strip()}", "query")
        if quoted is None:
            raise invalid(f"Text must be within quotation marks: {clause[0].strip()}", "query")
    elif operator == "~" or not re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        raise invalid(f"A numeric field is compared with a number: {clause[0].strip()}", "query")


def _test(clause: re.Match[str], kind: str) -> Test:
    field = _PLACES.get(clause["field"], clause["field"]) if kind == "invoice" else clause["field"]
    path = field.split(".") + ([clause["key"]] if clause["key"] is not None else [])
    quoted = clause["dq"] if clause["dq"] is not None else clause["sq"]
    wanted = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else clause["bare"]
    absent = quoted is None and wanted == "null"
    operator, negated = clause["op"], bool(clause["not"])

    def test(value: dict[str, Any]) -> bool:
        have: Any = value
        for name in path:
            have = have.get(name) if isinstance(have, dict) else None
        if absent:
            return (have is None) != negated
        return _compare(have, operator, wanted) != negated

    return test


def _compare(have: Any, operator: str, wanted: str) -> bool:
    if have is None:
        return False
    if isinstance(have, dict):
        have = have.get("id")
    if operator == ":":
        text = str(have).lower() if isinstance(have, bool) else str(have)
        return text.lower() == wanted.lower()
    if operator == "~":
        return wanted.lower() in str(have).lower()
    try:
        left, right = float(have), float(wanted)
    except (TypeError, ValueError):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
