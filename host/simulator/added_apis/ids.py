"""Ids that an added API's document allows: by type, format, pattern and length of the member and the path parameter."""

from __future__ import annotations

import random
import re
import string
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from host.apis.catalog import Catalog, Schema
from host.apis.regex_bounds import longest
from host.simulator.added_apis.plans import ObjectKind
from host.simulator.api_error import SimulatedError
from host.simulator.ids import IdGenerator

MOST_REPEATS = 24  # of a part that a pattern lets repeat without limit
TRIES = 50  # attempts at a text that satisfies all rules
_WORD = string.ascii_lowercase + string.digits
_PRINTED = [chr(code) for code in range(0x21, 0x7F)]


def new_id(catalog: Catalog, ids: IdGenerator, kind: ObjectKind, made: int, *, member: Schema, param: Schema) -> Any:
    """An id for a new object of ``kind``, of which ``made`` were created before.

    ``member`` and ``param`` are the schemas of the object's member and of the path's parameter, which must both allow
    it. Raises :class:`SimulatedError` (501) if none is found.
    """
    member, param = (_scalar(catalog, each) for each in (member, param))
    if member.type in ("integer", "number") or (param.type in ("integer", "number") and not member.type):
        return int(max(member.minimum or 0, param.minimum or 0, 1)) + made
    if param.type in ("integer", "number"):  # a number, which the object has as text
        return str(int(max(param.minimum or 0, 1)) + made)
    rules = [each for each in (member, param) if each.type in ("string", "")]
    for n in range(TRIES):
        text = _text(rules, ids, made + n * 1000)
        if all(_fits(rule, text) for rule in rules):
            return text
    said = " and ".join(dict.fromkeys(rule.pattern for rule in rules if rule.pattern))
    raise SimulatedError(
        501, f"The simulator finds no id for {kind.name} that its document allows ({said or 'its length'})."
    )


def _scalar(catalog: Catalog, schema: Schema) -> Schema:
    full = catalog.resolve(schema)
    return _scalar(catalog, full.any_of[0]) if full.any_of else full


def _text(rules: list[Schema], ids: IdGenerator, made: int) -> str:
    least = max((rule.min_length or 0 for rule in rules), default=0)
    most = min((rule.max_length for rule in rules if rule.max_length is not None), default=None)
    pattern = next((rule.pattern for rule in rules if rule.pattern), "")
    formats = {rule.format for rule in rules}
    if pattern:
        return sample(pattern, random.Random(ids.new("", 16)), least, most)  # noqa: S311
    if "snowflake" in formats or "int64" in formats:
        return str((1 << 60) + made)
    if "uuid" in formats or (most is None and least <= 36) or (most is not None and most >= 36 >= least):
        return ids.uuid()
    size = max(least, min(most or 24, 24), 1)
    return ids.new("", size).lower() if size > 4 else _short(made, size)


def _short(made: int, size: int) -> str:
    """``made`` as a number of ``size`` letters and digits."""
    text = ""
    for _ in range(size):
        made, digit = divmod(made, len(_WORD))
        text = _WORD[digit] + text
    return text


def _fits(rule: Schema, text: str) -> bool:
    if (rule.min_length or 0) > len(text) or (rule.max_length is not None and rule.max_length < len(text)):
        return False
    if rule.format == "uuid" and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        return False
    return not rule.pattern or len(text) > longest(rule.pattern) or re.search(rule.pattern, text) is not None


def sample(pattern: str, source: random.Random, least: int = 0, most: int | None = None) -> str:
    """A text that probably matches ``pattern``: lookaround and back-references are ignored.

    Where the pattern leaves the length open, the text is between ``least`` and ``most`` characters long.
    """
    try:
        parsed = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return ""
    wanted = max(least, min(most if most is not None else 20, 20))
    return "".join(_sampled(parsed, source, wanted))


def _sampled(items: Any, source: random.Random, wanted: int) -> list[str]:
    found: list[str] = []
    for op, value in items:
        if op is c.LITERAL:
            found.append(chr(value))
        elif op is c.NOT_LITERAL:
            found.append(source.choice([each for each in _PRINTED if ord(each) != value]))
        elif op is c.ANY:
            found.append(source.choice(_WORD))
        elif op is c.IN:
            found.append(_one_of(value, source))
        elif op is c.BRANCH:
            found += _sampled(source.choice(value[1]), source, wanted)
        elif op is c.SUBPATTERN:
            found += _sampled(value[3], source, wanted)
        elif op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            least, most, body = value
            room = max(wanted - sum(map(len, found)), 1)
            times = min(max(least, min(room, MOST_REPEATS)), most)
            for _ in range(min(times, 1000)):
                found += _sampled(body, source, 1)
    return found


def _one_of(parts: Any, source: random.Random) -> str:
    """One character of a set, preferably a letter or digit."""
    negated = bool(parts) and parts[0][0] is c.NEGATE
    taken = [each for each in _PRINTED if any(_in(op, value, each) for op, value in parts) != negated]
    plain = [each for each in taken if each.isalnum()]
    return source.choice(plain or taken or ["x"])


def _in(op: Any, value: Any, character: str) -> bool:
    if op is c.LITERAL:
        return bool(ord(character) == value)
    if op is c.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if op is c.CATEGORY:
        tests = {
            c.CATEGORY_DIGIT: character.isdigit(),
            c.CATEGORY_NOT_DIGIT: not character.isdigit(),
            c.CATEGORY_WORD: character.isalnum() or character == "_",
            c.CATEGORY_NOT_WORD: not (character.isalnum() or character == "_"),
            c.CATEGORY_NOT_SPACE: True,
        }
        return bool(tests.get(value, False))
    return False
