"""Syntax errors that habits of other languages lead to, and what Lua has instead: one table."""

from __future__ import annotations

import re
from typing import Final

from host.nearest_name import nearest_name

__all__ = ["hint_for_syntax", "line_of_habit"]

LONGEST: Final = 300  # characters of a line that are looked at
MOST: Final = 2000  # lines up to the reported one that are examined
BLOCK: Final = 20  # lines before the reported one in which a block in braces may have begun
_KEYWORDS = ("function", "local", "return", "then", "repeat", "until", "while", "elseif", "break", "end", "else", "for")
_BITS = "bit.band, bit.bor, bit.bxor, bit.bnot, bit.lshift and bit.rshift work on bits"
_COMMENT = "a comment begins with --"
_BLOCK = "blocks are written with words, not braces: if … then … end, for … do … end, function f() … end"
_LOCAL = "declare a variable with local: local name = value"
_CONTINUE = "Lua has no continue: use goto continue, with ::continue:: before the end of the loop"
_TRY = "errors are caught with pcall(function() … end) or try(fn, …), and raised with error(message)"
_CLASS = "an object is a table: local T = {} with functions T:method() and setmetatable"
_REQUIRE = 'local name = require("name") loads a file beside the script'

# A pattern for a line without its texts and comments, and what to say. None of them is found in a line that is Lua.
LINES: Final[tuple[tuple[str, str], ...]] = (
    (r"!\s*=", "!= is written ~= in Lua"),
    (r"===", "=== is written == in Lua"),
    (r"<>", "<> is written ~= in Lua"),
    (r"&&", "&& is written and: if a and b then"),
    (r"\|\|", "|| is written or: if a or b then"),
    (r"\?\?|\?\.", "a default for nil: x or other; a member of something that may be nil: x and x.name"),
    (r"\?[^:]*:", "a conditional value is written condition and a or b"),
    (r"^\s*(?:switch|case|match|when)\b\s*(?:\(.*\)\s*\{|[A-Za-z_])",
     "use if … elseif … else … end, or a table of functions"),
    (r"^\s*for\s*\(|^\s*for\s+\w+\s*=[^,]*;", "a counting loop is for i = 1, n do … end"),
    (r"\+\+", "there is no ++: write {1} = {1} + 1"),
    (r"(?<![=<>~])(\+|-|\*|/|%|\.\.|\^|//|&|\|)=(?!=)", "there is no {0}=: write {1} = {1} {0} …"),
    (r":=", "values are assigned with =: local x = 1"),
    (r"/\*|^\s*//", f"{_COMMENT}, and --[[ … ]] is a comment over several lines"),
    (r"\*\*", "a power is written x ^ y"),
    (r"//", f"integer division is math.floor(a / b); {_COMMENT}"),
    (r"=>|->", "a function is written function(x) return … end, a member of a table name = value"),
    (r"<<|>>|[&|]|[\w)\]]\s*~\s*[\w(]|=\s*~\s*\w", _BITS),
    (r"!", "not is written not: if not x then"),
    (r"`", 'strings are written "…", \'…\' or [[…]]'),
    (r"@", "there are no decorators: pass a function to another function"),
    (r"\$", "names are written without $; insert values into a string with .."),
    (r"\b(?:try|catch|finally)\s*\{|\}\s*(?:catch|finally)\b|^\s*(?:try|catch|except|finally|throw|raise)"
     r"(?:\s+[\w\"]|\s*:?\s*$)", _TRY),
    (r"\belse\s*\{|\bfunction\b[^{]*\)\s*\{|^\s*(?:\}\s*)?(?:if|while|for)\s*\(.*\)\s*\{", _BLOCK),
    (r"\b(?:elif|elsif|elsef|elseIf)\b", "elif and else if are written elseif"),
    (r"(?<!::)(?<!goto )\bcontinue\b(?!\s*[=(.:,\[\"'])", _CONTINUE),
    (r"^\s*(?:import|from|include|using)\s+\w", _REQUIRE),
    (r"\b(?:async|await)\s+\w", "calls wait without a keyword; spawn(function() … end) runs something in the meantime"),
    (r"^\s*(?:foreach|forall)\s*[\w(]|\bfor\s+(?:var|let|const|auto)\s",
     "for key, value in pairs(t) do … end loops over a table"),
    (r"\bfor\s+\w+\s+in\s+\d", "a counting loop is for i = 1, n do … end"),
    (r"^\s*(?:unless|loop|do\s*while)\s+\w",
     "there are while … do … end, repeat … until and if not … then … end"),
    (r"^\s*(?:abstract\s+)?(?:class|struct|interface|enum)\s+\w", _CLASS),
    (r"^\s*(?:export|public|private|static)\s+\w", "a module returns its names in a table: return {name = value}"),
    (r"\bnew\s+[A-Za-z_]", "objects are created by a call: new_product(), Class.new(…)"),
    (r"^\s*(?:var|let|const|int|float|double|string|bool|boolean|auto|val|dim)\s+[A-Za-z_]", _LOCAL),
    (r"^\s*global\s+[A-Za-z_]", "a variable without local is global: name = value"),
    (r"^\s*(?:local\s+)?(?:def|fn|func|fun|sub|proc|method)\s+[\w.:]+\s*\(",
     "a function is written function name(…) … end"),
    (r"\blambda\s+\w|\blambda\s*:", "a function without a name is function(x) … end"),
    (r"^\s*pass\s*$", "an empty block needs no word"),
    (r"^\s*(?:del|delete)\s+\w", "to remove a variable or member, set it to nil"),
    (r"\blocal\s+\w+\s*<\s*\w+\s*>", "locals have no attributes: local name = value"),
    (r"\blocal\s+\w+\s*:\s*\w|\bfunction\b[^)]*\w\s*:\s*\w+\s*[,)]|\bfunction\b[^()]*\([^()]*\)\s*:\s*\w",
     "types are not declared: local name = value"),
    (r",\s*local\b", "declare several variables with one local: local a, b = 1, 2"),
    (r"[=(]\s*\[\s*[\w\"'\-{\]]|\breturn\s*\[", "a list is written {1, 2, 3}"),
    (r"[{,]\s*(?:\"\"\s*:|\w+\s*:\s+\S|\w+\s*:\s*[\d\"{\[])",
     'a member of a table is written name = value, or ["any text"] = value'),
    (r"^\s*#", _COMMENT),
    (r"\b\d+_\d", "digits are written without _"),
    (r"(?<![\w.])\d+\.\.(?!\.)", "a number before .. needs a space: 1 .. text; a loop is for i = 1, n do … end"),
    (r"\bis\s+(?:not\s+)?(?:nil|None|null)\b|\bnot\s+in\b",
     "test for a value with x == nil or x ~= nil"),
)  # fmt: skip

# The same with what the message is like, for lines that may be Lua.
LINES_OF: Final[tuple[tuple[str, str, str], ...]] = (
    (r"expected near", r"^\s*[\w.]+--\s*;?\s*$", "Lua has no --: write n = n - 1; -- begins a comment"),
    (r"'then' expected", r"[=(]\s*[^=]+\bif\b.*\belse\b", "a conditional value is written condition and a or b"),
    (r"'then' expected near '='", r"", "compare with ==; = assigns a value"),
    (r"'then' expected", r"\b(?:else)?if\b(?!.*\bthen\b)", "if and elseif need then: if x then … end"),
    (r"'do' expected", r"\b(?:while|for)\b(?!.*\bdo\b)", "while and for need do: while x do … end"),
    (r"'=' expected near", r"^\s*(?:print|error|assert|require)\s+[\w-]", "a call has parentheses: print(x)"),
)

MESSAGES: Final[tuple[tuple[str, str], ...]] = (
    (r"unexpected symbol near '='", "= assigns once in a statement; a, b = 1, 2 assigns two values"),
    (r"ambiguous syntax", "put a ; at the end of the previous line"),
    (r"function arguments expected", "call a method with (…); read a member with a dot"),
    (r"undefined label 'continue'", "put ::continue:: before the loop's end"),
    (r"unfinished string",
     "a string must end on its line with the same \" or ' it began with; [[…]] spans several lines, \\n is "
     "a line break"),
    (r"unfinished long comment", "a comment that begins with --[[ ends with ]]"),
    (r"unfinished long", "a string that begins with [[ ends with ]]"),
    (r"invalid escape sequence", "\\\\ stands for a backslash; in [[…]] nothing is escaped"),
    (r"'<name>' expected near '(?:and|break|do|else|elseif|end|false|for|function|goto|if|in|local|nil|not|or|repeat|"
     r"return|then|true|until|while)'", 'a keyword of Lua cannot be a name: as a key, write t["end"], ["end"] = value'),
    (r"'\}' expected", "the members of a table are separated by commas"),
    (r"'\]' expected near ':'", "text:sub(from, to) is a part of a string, unpack(list, from, to) of a list"),
    (r"'\)' expected", "a ( is not closed, or a comma is missing in it"),
    (r"'\]' expected", "a [ is not closed: t[key]"),
    (r"unexpected symbol near '\)'", "there is a ) without a (, or a value is missing before it"),
    (r"'(?:<eof>|end)' expected .*near '(?!<eof>)", "{block}"),
    (r"'end' expected", "{block}"),
    (r"'until' expected", "repeat … needs until condition at its end"),
    (r"'then' expected near 'in'", "in does not test membership: t[key] ~= nil tests whether a table has the key"),
    (r"'then' expected", "if and elseif need then: if x then … end"),
    (r"'do' expected", "while and for need do: while x do … end, for i = 1, n do … end"),
    (r"'=' or 'in' expected",
     "a loop is for i = 1, n do, or for key, value in pairs(t) do, with a comma between the names"),
    (r"no loop to break", "break is only valid inside a loop; return leaves a function"),
    (r"undefined label '(\w+)'", "goto needs its label in the same or an enclosing block: ::name::"),
    (r"'=' expected near", "a statement is a call, f(…), or an assignment, name = value"),
    (r"unexpected symbol near",
     "something is missing or superfluous before that: look at the end of the previous line, too"),
    (r" expected", "look for a missing keyword, comma or bracket in this line and at the end of the previous one"),
)  # fmt: skip

_STATEMENT = re.compile(r"^\s*(?:local\s+)?([A-Za-z_]\w{1,15})\s+[A-Za-z_][\w.:]*\s*\(?")
_BRACED = re.compile(r"^\s*(?:\}\s*)?(?:if|elseif|while|for)\b.*\{\s*$")
_WORD = re.compile(r"[A-Za-z_]\w{1,15}")


def hint_for_syntax(message: str, rows: list[str], line: int) -> str | None:
    """What Lua has instead of what is written at ``line`` (1-based) of a string that does not compile."""
    near = message.rpartition(" near ")[2]
    first = max(0, line - MOST)
    rows = [row[:LONGEST] for row in rows[first:line]]
    line -= first
    if re.search(r"'(?:then|do|until|in)' expected", message) and (
        slip := _misspelt(message, near.strip("'"), rows, line)
    ):
        return slip
    if hint := _of_lines(message, rows, line):
        return hint
    if re.search(r"'(?:then|do)' expected", message) and any(map(_BRACED.match, rows[max(0, line - BLOCK) : line])):
        return _BLOCK
    slip = _misspelt(message, near.strip("'"), rows, line)
    if slip:
        return slip
    if near == "'<eof>'" and (found_at := _else_if(rows)):
        return f"else if in line {first + found_at} must be written elseif, or needs an end of its own"
    for pattern, hint in MESSAGES:
        if re.search(pattern, message):
            return _of_block(message) if hint == "{block}" else hint
    return None


def _of_lines(message: str, rows: list[str], line: int) -> str | None:
    """The hint of the first line, of those examined, that is written as in another language."""
    for number in _looked_at(rows, line):
        raw = rows[number - 1]
        bare = _without_texts(raw)
        for pattern, hint in LINES:
            found = re.search(pattern, bare)
            if found is not None:
                return _filled(hint, found, bare)
        for said, pattern, hint in LINES_OF:
            if re.search(said, message) and re.search(pattern, raw):
                return hint
    return None


def line_of_habit(message: str, rows: list[str], line: int) -> int | None:
    """The line, at ``line`` or before it, that is certainly written as in another language; else ``None``."""
    looked_at = _looked_at([row[:LONGEST] for row in rows[:line]], line)
    for number in looked_at:
        bare = _without_texts(rows[number - 1][:LONGEST])
        if any(re.search(pattern, bare) for pattern, _ in LINES):
            return number
        if re.search(r"expected near", message) and re.search(LINES_OF[0][1], rows[number - 1][:LONGEST]):
            return number
    if re.search(r"'(?:then|do)' expected", message):
        for number in range(min(line, len(rows)), max(0, line - BLOCK), -1):
            if _BRACED.match(rows[number - 1][:LONGEST]):
                return number
    return None


def _filled(hint: str, found: re.Match[str], bare: str) -> str:
    """A hint with the operator that was found, and the name that stands before it."""
    if found.groups():
        hint = hint.replace("{0}", found[1])
    name = re.search(r"[A-Za-z_][\w.\[\]]{0,60}\Z", bare[: found.start()].rstrip())
    return hint.replace("{1}", name[0] if name is not None else "x")


def _of_block(message: str) -> str:
    """What to do about a block without its end, or an end without its block."""
    opened = re.search(r"to close '(\w+)' at line (\d+)", message)
    if opened is not None:
        return (
            f"the {opened[1]} of line {opened[2]} has no end of its own: each function, if, for and while needs one, "
            "and return must be the last statement before it"
        )
    if re.search(r"'<eof>' expected near 'end'", message):
        return "there is one end too many: no function, if or loop is left to close"
    if "'<eof>' expected" in message:
        return "something follows the end of the script: return must come last, and each end needs a block"
    return "each function, if, for and while needs an end of its own, and return must be the last statement before it"


def _looked_at(rows: list[str], line: int) -> list[int]:
    """The line the compiler stopped at, and the one before it that is not empty: it reads one word ahead."""
    here = [line] if 1 <= line <= len(rows) else []
    for number in range(min(line - 1, len(rows)), 0, -1):
        if rows[number - 1].strip():
            return [*here, number]
    return here


def _without_texts(row: str) -> str:
    """A line without what its texts say, and without its comment."""
    row = re.sub(r"\\.", "", row)
    row = re.sub(r"\"[^\"]*\"|'[^']*'|\[\[.*?\]\]", '""', row)
    return row.partition("--")[0]


def _misspelt(message: str, near: str, rows: list[str], line: int) -> str | None:
    """A word of Lua that was misspelt: at the line, or where a function that was none began."""
    words: list[str] = []
    if "'=' expected" in message and 1 <= line <= len(rows):
        words = [found[0] for found in _WORD.finditer(_without_texts(rows[line - 1]))]
    elif re.search(r"'(?:then|do|until|in|end)' expected", message):
        words = [near]
    elif near == "end":
        words = [found[1] for row in rows[:line] if (found := _STATEMENT.match(_without_texts(row)))]
    for word in words:
        if word in _KEYWORDS:
            continue
        found_near = nearest_name(word, _KEYWORDS, 0.7)
        if found_near and abs(len(word) - len(found_near)) <= 2:
            return f'did you mean "{found_near}" for "{word}"?'
    return None


def _else_if(rows: list[str]) -> int | None:
    for number, row in enumerate(rows, 1):
        if re.search(r"\belse\s+if\b", _without_texts(row)):
            return number
    return None
