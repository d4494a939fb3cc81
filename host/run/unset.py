"""Why a value is nil, or of another type than was meant: read from the lines before the one that failed."""

from __future__ import annotations

import re
from typing import Final

from host.nearest_name import nearest_name

__all__ = ["declared", "near_name", "of_call", "of_field", "of_index", "of_name", "unset_global"]

BEFORE: Final = 300  # lines before the reported one that are examined
DOTTED: Final = r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){0,3}"
_PATH: Final = r"[A-Za-z_]\w{0,60}(?:[.:][A-Za-z_]\w{0,60}){0,3}"
_DECLARED = re.compile(
    r"\blocal\s+function\s+([A-Za-z_]\w{0,60})|\blocal\s+([A-Za-z_][\w\s,]{0,200})|\bfunction\s*[\w.:]{0,100}\(([^()]{0,200})\)"
    r"|\bfor\s+([A-Za-z_][\w\s,]{0,100}?)\s*(?:=|\bin\b)|^\s*([A-Za-z_]\w{0,60})\s*=(?!=)|\bfunction\s+([A-Za-z_]\w{0,60})\s*\("
)

# What a value was made by, and why it may be nil: patterns for what stands after its "=".
_MADE_BY: Final[tuple[tuple[str, str], ...]] = (
    (r"^try\s*\(", "{0} is nil because the call inside try failed: local {0}, err = try(…), and err says why"),
    (r"^tonumber\s*\(",
     "{0} is nil because tonumber returns nil for a string that is not a number: print the string to see "
     "what it holds"),
    (r"^io\.read\b", "{0} is nil because io.read returns nil at the end of the input: if {0} then … end"),
    (r"[.:]g?match\s*\(|[.:]find\s*\(", "{0} is nil because the pattern does not match the text: if {0} then … end"),
    (r"^json\.decode\s*\(", "{0} is nil because JSON's null is nil in Lua: if {0} then … end"),
    (r"^next\s*\(", "{0} is nil because next returns nil for an empty table: if {0} then … end"),
    (r"^(?:load|loadstring)\s*\(", "{0} is nil because the text does not compile: local {0} = assert(load(text))"),
)  # fmt: skip
# What gives something else than one may think, by the type of the value.
_OTHER: Final[tuple[tuple[str, str, str], ...]] = (
    ("boolean", r"^x?pcall\s*\(", "pcall returns true or false first: local ok, {0} = pcall(…)"),
    ("string", r":create\s*\(\s*\)\s*$",
     "create() returns the id, a string: keep the builder (local b = new_…()) and read b.data"),
    ("nil", r":create\s*\(\s*\)\s*$",
     "create() returns the id, a string: keep the builder (local b = new_…()) and read b.data"),
)  # fmt: skip


def of_name(name: str, rows: list[str], line: int, kind: str = "nil") -> str:
    """What to do about a local or upvalue ``name`` that is ``kind``, used in ``line`` (1-based) of ``rows``."""
    if name == "self" and kind == "nil":
        return "self is the object before the colon: call the method as object:method(…), not object.method(…)"
    for number in range(min(line, len(rows)), max(0, line - BEFORE), -1):
        row = rows[number - 1]
        given = _given(name, row)
        if given is not None:
            return _of_given(name, given, kind) or _look(name, kind)
        if re.search(rf"\blocal\s+(?:[\w\s,]*,\s*)?{name}\b(?!\s*[,\w]*\s*=)", row) and kind == "nil":
            return f"{name} was declared in line {number} without a value: local {name} = …"
        found = re.search(r"\bfunction\b\s*([\w.:]*)\s*\(([^()]*)\)|([\w.]+)\s*=\s*function\s*\(([^()]*)\)", row)
        if found is None:
            continue
        names = re.split(r"\s*,\s*", (found[2] or found[4] or "").strip())
        if name not in names:
            continue
        called = found[1] or found[3] or ""
        short = re.split(r"[.:]", called)[-1]
        if kind == "table" and names[0] == name and "." in called and re.search(rf":\s*{short}\s*\(", "\n".join(rows)):
            return f"{called} was called with a colon, which passes the table itself first: write {called}(…)"
        if kind == "nil":
            what = f"{called}(…)" if called else "the function"
            return f"{what} was called without a value for {name}, its argument {names.index(name) + 1}"
        break
    return _look(name, kind)


def _look(name: str, kind: str) -> str:
    if kind == "nil":
        return f"{name} has no value here: print({name}) before this line shows when; if {name} then … end skips it"
    return f"{name} is a {kind} here: print({name}) before this line shows its value"


def _given(name: str, row: str) -> str | None:
    """What a row gives ``name``: the text after its ``=``."""
    found = re.search(rf"(?<![\w.:])((?:[\w]+\s*,\s*)*){name}\s*((?:,\s*\w+\s*)*)=(?!=)\s*(.{{1,200}})", row)
    return None if found is None else found[3]


def _of_given(name: str, given: str, kind: str) -> str | None:
    for for_kind, pattern, hint in _OTHER:
        if kind == for_kind and re.search(pattern, given.strip()):
            return hint.format(name)
    if kind != "nil":
        return None
    for pattern, hint in _MADE_BY:
        if re.search(pattern, given):
            return hint.format(name)
    called = re.match(rf"({_PATH})\s*\(.*\)\s*;?\s*$", given)
    if called is not None:
        return f"{name} is nil because {called[1]}(…) returned nothing: a function returns a value with return"
    read = re.match(rf"({DOTTED})\s*;?\s*$", given)
    if read is not None and "." in read[1]:
        return _of_member(*read[1].rsplit(".", 1))
    item = re.match(rf"({DOTTED})\s*\[([^\[\]]{{1,60}})\]\s*;?\s*$", given)
    return None if item is None else _of_item(item[1], item[2].strip())


def of_field(name: str, rows: list[str], line: int, kind: str = "nil") -> str | None:
    """What to do about ``owner.name`` that is ``kind``: the owner as it is written in the line, or near it."""
    for number in (line, line - 1, line + 1):
        row = rows[number - 1] if 0 < number <= len(rows) else ""
        found = re.search(rf"({DOTTED}(?:\[[^\[\]]{{1,60}}\])?)\s?[.:]\s?{name}\b", row)
        if found is None:
            continue
        owner = found[1]
        first = re.split(r"[.\[]", owner)[0]
        made = _made(first, rows, line)
        if re.search(r"\bnew_\w+\s*\(", made):
            if not re.search(r":create\s*\(\s*\)\s*$", made.strip()):
                return (
                    f"{owner}.{name} is a method of the builder: after {first}:create() the values are in {first}.data"
                )
            cause = f"create() returned the id, a string, to {first}"
            return f"{cause}: keep the builder and read its .data, or give {first} as the id"
        if kind == "function":
            return f"{owner}.{name} is a function: call it as {owner}.{name}(…)"
        if kind == "nil":
            if re.search(r"[=~]=\s*(?:null|None|NULL|undefined)\b", row):
                return f"{_of_member(owner, name)}; Lua's null is nil"
            return _of_member(owner, name)
        return f"{owner}.{name} is a {kind} here: print({owner}.{name}) before this line shows its value"
    return None


def _made(name: str, rows: list[str], line: int) -> str:
    """What the nearest line above gave ``name``, without what builders of several lines have between."""
    for number in range(min(line, len(rows)), max(0, line - BEFORE), -1):
        given = _given(name, rows[number - 1])
        if given is None:
            continue
        following = number
        while following < len(rows) and following < line and re.match(r"\s*:", rows[following]):
            given += rows[following]
            following += 1
        return given
    return ""


def _of_member(owner: str, name: str) -> str:
    return f"{owner} has no {name} here: print(inspect({owner})) shows what it has"


def _of_item(owner: str, key: str) -> str:
    if key == "0":
        return f"a list begins at 1: {owner}[1] is its first item"
    if re.match(r"[\"']", key):
        return f"{owner} has no {key} here: print(inspect({owner})) shows what it has"
    return f"{owner}[{key}] is nil: {owner} has no such item; #{owner} is their number"


def of_index(row: str) -> str | None:
    """What is nil without a name: an item ``t[i]``, or what a call gave."""
    found = re.search(rf"({DOTTED})\s?\[([^\[\]]{{1,60}})\]\s?(?:[.:\[]|[-+*/%<>]|\.\.|\))", row) or re.search(
        rf"({DOTTED})\s?\[([^\[\]]{{1,60}})\]", row
    )
    if found is not None:
        return _of_item(found[1], found[2].strip())
    called = re.search(rf"({_PATH})\s?\([^()]{{0,100}}\)\s?[.:\[(]", row)
    if called is None:
        return None
    if called[1] in ("load", "loadstring"):
        return "load returns nil and a message if the text does not compile: assert(load(text))()"
    return f"{called[1]}(…) returned nil: keep its result in a local and look at it with print(inspect(…))"


def of_call(name: str, rows: list[str], line: int) -> str | None:
    """A function of a table that is not there: the nearest that the script defines, or what the table lacks."""
    text = "\n".join(rows)
    made = re.findall(r"\bfunction\s+\w{1,60}[.:](\w{1,60})\s*\(|\b\w{1,60}\.(\w{1,60})\s*=\s*function\b", text)
    near = near_name(name, [a or b for a, b in made])
    return f'did you mean "{near}"?' if near else of_field(name, rows, line)


def declared(rows: list[str]) -> dict[str, tuple[int, bool]]:
    """The names a script declares or sets: the line of each, and whether it is local."""
    names: dict[str, tuple[int, bool]] = {}
    for number, row in enumerate(rows, 1):
        for found in _DECLARED.finditer(row[:500]):
            local = found.lastindex not in (5, 6)
            for each in re.split(r"[\s,]+", next(filter(None, found.groups()), "")):
                if re.match(r"[A-Za-z_]\w*\Z", each):
                    names.setdefault(each, (number, local))
    names.pop("function", None)
    return names


def near_name(name: str, names: list[str]) -> str | None:
    """The one of ``names`` that ``name`` is a slip of the keyboard away from."""
    return nearest_name(name, [each for each in names if each != name], 0.75)


def unset_global(name: str, rows: list[str], line: int) -> str:
    """What to do about a global that nothing gave a value; the nearest names are looked for elsewhere."""
    number, local = declared(rows).get(name, (0, False))
    if local and number > line:
        return f"{name} is declared further down, in line {number}: move the declaration above line {line}"
    if local and number > 0:
        return f"the local {name} of line {number} ends with the block it is in: declare it before that block"
    if number > line:
        return f"{name} gets its value in line {number}, after this line ran"
    return f"{name} was not given a value before this line, and nothing of that name is built in"
