"""What to do about an error of Lua itself: from its message and the source where it was raised.

For a name that does not exist: what there is instead (``host.run.missing_names``); for a habit of another language:
Lua's way (``host.run.syntax_habits``).
"""

from __future__ import annotations

import re
from typing import Final

from host.run.bad_arguments import hint_for_library
from host.run.missing_names import MEMBERS, hint_for_method, hint_for_name
from host.run.script import LONG, lines_of
from host.run.syntax_habits import hint_for_syntax
from host.run.unset import of_call, of_field, of_index, of_name

__all__ = ["hint_for"]

LONGEST: Final = 1000  # characters of a line, and bytes of a message, that are looked at
MOST: Final = 3000  # lines that are looked at
NEAR: Final = (0, -1, 1, -2, 2)  # lines around the reported one where a name may stand

_NIL = re.compile(
    r"attempt to (?:call|index|perform arithmetic on|concatenate|get length of|compare) "
    r"(?:(?P<what>global|local|upvalue|field|method) '(?P<name>\w{1,100})' \()?a nil value"
)
_NO_CALL = re.compile(
    r"attempt to call (?:\w+ '(?P<name>\w{1,100})' \()?a (?:string|table|number|boolean|userdata) value"
)
_VALUE = re.compile(
    r"attempt to (?:call|index|perform arithmetic on|concatenate|get length of|compare) "
    r"(?:(?P<what>global|local|upvalue|field|method) '(?P<name>\w{1,100})' \()?a (?P<type>\w{1,20}) value"
)
_TEXT_SUM = re.compile(r"attempt to perform arithmetic on (?:\w+ '\w+' \()?a string value")
_MIXED = re.compile(r"attempt to compare (?:number with string|string with number)")
_TABLE_TEXT = re.compile(r"attempt to concatenate (?:\w+ '\w+' \()?a (?:table|boolean|function|userdata) value")
_FUNCTION_TEXT = re.compile(r"attempt to concatenate field '(?P<name>\w{1,100})' \(a function value")
_LOOP = "for … in needs an iterator: for key, value in pairs(t) do … end, for i, value in ipairs(list) do … end"
_PROTECTED = (
    "pcall and try take the function and its arguments, not the result of a call: pcall(f, x), try(f, x), "
    "pcall(function() … end)"
)
_DOTTED = r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){0,3}"


def hint_for(message: str, source: bytes | None, line: int | None, *, caught: bool = False) -> str | None:
    """One sentence on what to do, or ``None``. ``message`` is without its place, which is ``line`` of ``source``.

    ``caught``: the script continues and may look at the message, so it gets only what there is instead of a name.
    """
    if len(message) > LONGEST:
        return None
    rows = lines_of(source) if source is not None and line is not None else []
    special = _special(message, rows, source or b"", line)
    if special is not None or caught:
        return special
    rows = [row[:LONGEST] for row in rows[:MOST]] if source is not None and len(source) <= LONG else []
    return hint_for_library(message, rows, line or 0) or _of_value(message, rows, line or 0)


def _special(message: str, rows: list[str], source: bytes, line: int | None) -> str | None:
    """Hints: the name that exists instead, what Lua has for another language's construct, how values are joined."""
    if " near '" in message or message.startswith(("unfinished", "undefined label", "no loop to break")):
        return hint_for_syntax(message, rows, line or 0)
    around = [rows[n][:LONGEST] for each in NEAR if line is not None and 0 <= (n := line - 1 + each) < len(rows)]
    here = around[0] if around else ""
    if (nil := _NIL.match(message)) is not None:
        return _of_nil(nil["what"], nil["name"], around, source)
    if (call := _NO_CALL.match(message)) is not None:
        return _of_call(here, call["name"])
    if _TEXT_SUM.match(message):
        if "%" in here and "+" not in here:
            return 'string.format("%d %s", n, text) inserts values into a string'
        return (
            "strings are joined with .., not with +; tonumber(text) converts one to a number"
            if "+" in here
            else ("tonumber(text) converts a string to a number")
        )
    if _MIXED.match(message):
        return "a string and a number are not compared: tonumber(text) converts it to a number"
    if (joined := _FUNCTION_TEXT.match(message)) is not None and len(source) <= LONG:
        hint = of_field(joined["name"], [row[:LONGEST] for row in rows[:MOST]], line or 0, "function")
        if hint is not None:
            return hint
    if _TABLE_TEXT.match(message):
        return "only strings and numbers can be joined with ..: tostring(value) and inspect(value) return strings"
    return None


def _of_value(message: str, rows: list[str], line: int) -> str | None:
    """Why a value is not what an operator needs: by where it comes from, as far as the lines above show that."""
    here = rows[line - 1] if 0 < line <= len(rows) else ""
    if "with nil" in message or "nil with" in message:
        compared = re.search(rf"({_DOTTED})\s*(?:[<>]=?)|[<>]=?\s*({_DOTTED})", here)
        name = next((each for each in compared.groups() if each), "x") if compared is not None else "x"
        hint = f"print({name}) before this line shows what it is; if {name} then … end skips it"
        return f"one side of the comparison is nil: {hint}"
    if ", got nil" in message:
        given = re.search(rf":\s?\w+\(\s*({_DOTTED})\s*[,)]", here)
        owner, _, name = given[1].rpartition(".") if given is not None else ("", "", "")
        return of_field(name, rows, line) if owner else of_name(name, rows, line) if name else None
    found = _VALUE.match(message)
    if found is None:
        return None
    what, name, kind = found["what"], found["name"], found["type"]
    if what in ("local", "upvalue"):
        return of_name(name, rows, line, kind)
    if what == "method":
        return of_call(name, rows, line)
    if what == "field":
        return of_call(name, rows, line) if "to call" in message else of_field(name, rows, line, kind)
    if what is None and kind == "nil":
        if re.search(r"\bfor\b.+\bin\b", here) and "pairs" not in here:
            return f"the value after in is nil; {_LOOP}"
        return of_index(here)
    return (
        f"{name} is a {kind} here: print({name}) before this line shows its value" if name and kind != "nil" else None
    )


def _of_nil(what: str | None, name: str | None, around: list[str], source: bytes) -> str | None:
    if what == "global":
        assert name is not None
        if name in "frbu" and any(re.search(rf"\b{name}[\"']", row) for row in around[:1]):
            return 'insert values into a string with .. or string.format("%s", value)'
        if any(re.search(rf"\bnew\s+{name}\b", row) for row in around[:1]):
            return "objects are created by a call: new_product(), Class.new(…)"
        if (longer := _followed(name, around[:1])) is not None:
            return longer
        return hint_for_name(name)
    if what in ("field", "method"):
        assert name is not None
        return _of_member(name, around, source) or _of_unset("", around, source)
    if what in ("local", "upvalue"):
        assert name is not None
        whole = _alias(name, source)
        if whole and "." in whole and hint_for_name(whole) is None:
            owner, _, member = whole.partition(".")
            whole = f"{_alias(owner, source) or owner}.{member}"
        return hint_for_name(whole) if whole else _of_unset(name, around, source)
    return _of_unset("", around, source)


def _followed(name: str, rows: list[str]) -> str | None:
    """The hint for ``console.log`` where the global that is missing is ``console``."""
    for row in rows:
        for found in re.finditer(rf"(?<![\w.:]){name}\s?[.:]\s?(\w{{1,100}})", row):
            hint = hint_for_name(f"{name}.{found[1]}")
            if hint:
                return hint
    return None


def _of_member(name: str, around: list[str], source: bytes) -> str | None:
    """The member of a library, as it is written nearby: ``io.open``, ``io.stderr:write``, or by another name."""
    for row in around:
        for found in re.finditer(rf"({_DOTTED})\s?[.:]\s?{name}\b", row):
            owner = found[1]
            hint = hint_for_name(f"{owner}.{name}")
            if hint is None and "." not in owner and (whole := _alias(owner, source)):
                hint = hint_for_name(f"{whole}.{name}")
            if hint:
                return hint
        if re.search(rf"[\w)\]}}\"']\s?[.:]\s?{name}\b", row) and (hint := hint_for_method(name)):
            return hint
    return None


def _alias(name: str, source: bytes) -> str | None:
    """What a name was set to: ``io.open`` after ``local open = io.open``, ``io`` after ``require("io")``."""
    if len(source) > LONG:
        return None
    text = source.decode(errors="replace")
    found = re.search(rf"(?<![\w.:]){name}\s{{0,20}}=\s{{0,20}}require\s?\(?\s?[\"'](\w{{1,60}})[\"']", text)
    if found is None:
        found = re.search(rf"(?<![\w.:]){name}\s{{0,20}}=\s{{0,20}}({_DOTTED})(?![\w(.:\"'{{\[])", text)
    return found[1] if found is not None and found[1] != name else None


def _of_unset(name: str, around: list[str], source: bytes) -> str | None:
    """A nil that is an argument or a variable nobody gave."""
    rows = around[:1]
    for row in rows if not name else ():
        found = re.search(rf"\b(?:x?pcall|try|spawn|assert)\s?\(\s?({_DOTTED})\s?[,)]", row)
        if found and (hint := hint_for_name(found[1])):
            return hint
    if name and len(source) <= LONG:
        text = source.decode(errors="replace")
        rows = rows + re.findall(rf"(?<![\w.:]){name}\s{{0,20}}=[^\n]{{0,200}}", text)[:3]
    for row in rows:
        found = re.search(r"os\.getenv\s?\(?\s?[\"'](\w{1,100})[\"']", row) or re.search(r"\benv\.(\w{1,100})", row)
        if found:
            return f"{found[1]} is nil unless it is set and granted: --allow-env {found[1]}"
        if "os.getenv" in row:
            return "os.getenv(name) and env.NAME are nil unless it is set and granted: --allow-env NAME"
        if re.search(r"(?<![\w.])args\[", row):
            return "an argument that was not given is nil; #args is their number"
    return None


def _of_call(here: str, name: str | None) -> str | None:
    if re.search(r"[\"']\s*%", here):
        return 'string.format("%d %s", n, text) inserts values into a string'
    if re.search(r"\bfor\b.+\bin\b", here) and "pairs" not in here:
        return _LOOP
    if re.search(r"\b(?:x?pcall|try|assert)\b", here):
        return _PROTECTED
    if name == "args":
        return "args is a list: args[1] is the first argument"
    if name == "env":
        return "env.NAME is a granted variable (--allow-env NAME)"
    if name in MEMBERS:
        some = ", ".join(f"{name}.{each}" for each in MEMBERS[name][:4])
        return f"{name} is a library: call one of its functions, such as {some} …"
    if name is None:
        return "the value before (…) is not a function: keep a value in a local and use it by its name"
    return f"{name} is not a function: has another {name} replaced it, or does the line before ( continue there?"
