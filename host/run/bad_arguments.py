"""What to do about an error that a function of Lua's libraries raised, by its message: two tables."""

from __future__ import annotations

import re
from typing import Final

from host.run.unset import DOTTED, of_name

__all__ = ["hint_for_library"]

# How a function is called, by its last name as messages have it.
USAGE: Final[dict[str, str]] = {
    "ipairs": "for i, value in ipairs(list) do … end goes through a list",
    "pairs": "for key, value in pairs(t) do … end goes through a table",
    "next": "next(t) gives a table's first key and value",
    "insert": "table.insert(list, value) adds at the end, table.insert(list, place, value) before a place",
    "remove": "table.remove(list) takes the last item away, table.remove(list, place) another",
    "concat": "table.concat(list, separator) joins a list of texts and numbers",
    "sort": "table.sort(list) sorts, table.sort(list, function(a, b) return a.x < b.x end) by a field",
    "unpack": "unpack(list) gives a list's items as values",
    "select": 'select("#", ...) counts values, select(n, ...) gives those from the n-th, counted from 1',
    "setmetatable": "setmetatable(t, meta) takes two tables",
    "getmetatable": "getmetatable(t) takes a value",
    "rawget": "rawget(t, key) takes a table and a key",
    "rawset": "rawset(t, key, value) takes a table, a key and a value",
    "tonumber": 'tonumber(text) makes a number of a text, tonumber(text, base) takes a base from 2 to 36',
    "tostring": "tostring(value) makes a text of a value",
    "format": 'string.format("%d %s", n, text) needs a value for each %: a number for %d and %f, any for %s',
    "rep": "text:rep(n) repeats a text",
    "sub": "text:sub(from, to) is a part of a text, counted from 1",
    "upper": "text:upper() is called with a colon",
    "lower": "text:lower() is called with a colon",
    "len": "#text is a text's length",
    "reverse": "text:reverse() is called with a colon",
    "byte": "text:byte(i) gives the i-th byte's number",
    "char": "string.char(n, …) makes a text of numbers from 0 to 255",
    "find": "text:find(pattern) gives where it begins and ends, text:find(part, 1, true) takes the part as it is",
    "match": "text:match(pattern) gives what the pattern matches, or nil",
    "gmatch": "for part in text:gmatch(pattern) do … end goes through what the pattern matches",
    "gsub": "text:gsub(pattern, replacement) replaces; the replacement is a text, a function or a table",
    "time": "os.time() is the time now, os.time{year = 2026, month = 1, day = 31} that of a date",
    "date": 'os.date("%Y-%m-%d", seconds) makes a text of a time',
    "difftime": "os.difftime(later, earlier) takes two times as os.time() gives them",
    "getenv": 'os.getenv("NAME") gives a granted variable (--allow-env NAME)',
    "exit": "os.exit(status) takes a whole number from 0 to 255; print(…) or log.error(…) says why before it",
    "create": "coroutine.create(function() … end) takes the function itself, not what it gives",
    "wrap": "coroutine.wrap(function() … end) takes the function itself, not what it gives",
    "resume": "coroutine.resume(co) takes what coroutine.create gave",
    "status": "coroutine.status(co) takes what coroutine.create gave",
    "load": "load(text) compiles Lua text and gives a function; it runs when called: assert(load(text))()",
    "loadstring": "loadstring(text) compiles Lua text and gives a function",
    "require": 'require("name") loads name.lua beside the script',
    "encode": "json.encode(value) makes JSON of a value",
    "random": "math.random(n) gives a whole number from 1 to n, math.random(from, to) one between two",
    "floor": "math.floor(x) takes a number: tonumber(text) makes one of a text",
    "ceil": "math.ceil(x) takes a number: tonumber(text) makes one of a text",
    "max": "math.max(a, b, …) takes numbers, of a list math.max(unpack(list))",
    "min": "math.min(a, b, …) takes numbers, of a list math.min(unpack(list))",
    "collectgarbage": 'collectgarbage("count") gives the memory in use, in KB',
}  # fmt: skip
_STRINGS: Final = "upper lower len reverse byte sub find match gmatch gsub rep format".split()  # noqa: SIM905 read as words

# What else they say, and what to do. The first that is found counts.
MESSAGES: Final[tuple[tuple[str, str], ...]] = (
    (r"'for' (?:limit|initial value|step) must be a number",
     "for i = 1, n do … end counts from number to number: #list counts a list's items, tonumber(text) makes a number"),
    (r"table index is (?:nil|NaN)",
     "the key between [ and ] has no value: print it above this line, or leave it out with if"),
    (r"invalid value \(nil\) at index \d+ in table for 'concat'",
     "the list has a hole there: join what is left, or put a text in its place"),
    (r"invalid value \(\w+\) at index (\d+) in table for 'concat'",
     "table.concat joins texts and numbers: put tostring(value), or a field of it, into the list"),
    (r"invalid option '%(.)?'? to 'format'|invalid conversion '?%",
     "string.format knows %d, %s, %f, %.2f, %x, %q and %%, which is a percent sign"),
    (r"invalid order function for sorting",
     "the function of table.sort says whether a comes before b: return a.x < b.x, not <="),
    (r"cannot resume dead coroutine",
     'its function has ended: coroutine.status(co) ~= "dead" shows it first; another is made by coroutine.create or '
     "wrap"),
    (r"attempt to yield from outside a coroutine",
     "coroutine.yield stands in a function given to coroutine.wrap or create; sleep(seconds) waits"),
    (r"malformed pattern",
     "% [ ] ( ) . + - * ? ^ $ have meanings in a pattern: %[ is the sign [, text:find(part, 1, true) takes all as "
     "it is"),
    (r"invalid (?:use of '%' in replacement|capture index|pattern capture)|unfinished capture",
     "in a pattern or replacement %1 is a capture and %% a percent sign; each ( needs its )"),
    (r"field '(\w+)' missing in date table", "os.time{year = 2026, month = 1, day = 31} needs these three"),
    (r"stack overflow",
     "a function calls itself, or others that call it, without end: give it a case in which it returns first"),
    (r"assertion failed!", 'what stands in assert was false or nil: assert(value, "what is wrong") says more'),
    (r"error object is ", 'error("what went wrong") takes a text, error{code = 1, message = "…"} a table'),
    (r"the error is a table: ", 'error{message = "what went wrong", …} is shown by its message'),
    (r"the script ran for \S+ s without a call",
     "its limit of Lua time between two calls: a loop may not end, look at its condition; sleep(0) in a long one "
     "begins the time anew"),
    (r"the script used more than its memory limit|not enough memory",
     "keep less at once: page:each() hands out one item at a time, a list that only grows needs an end"),
    (r"string limit: ", "a text that long is better written in parts, with io.write or fs.append"),
    (r"json\.decode: ", 'print the text: JSON has double quotes around names and texts, no comma after the last item;'
     " an empty text or HTML is no JSON"),
    (r"No such \w+: '", "an id is of one kind of object, one account and one mode (test or live): "
     "the operation list of its kind shows those there are"),
    (r"Invalid non-negative integer",
     "it is 0 or more: what takes money back has operations of its own, such as refunds.create"),
    (r"We were unable to parse your search query",
     "a search is field:\"text\" AND number>1, as in query = 'email:\"a@example.com\"'"),
    (r"Missing required param: ",
     "give a parameter of that name: of a builder by a method of that name, or {name = value}"),
    (r"a URL is a string",
     "http.get(url, {…}) takes the URL first; http.request{method = …, url = …} takes all in one table"),
    (r"the URL .* is not an http", "write the whole address, https://example.com/path"),
    (r"http\.\w+: headers are", 'headers = {Accept = "application/json"}'),
    (r"a task cannot wait", "another task, or the script itself, waits for it: t:wait() outside of its function"),
    (r"json\.decode expects a string", "it reads a text that holds JSON; a table is read as it is, without it"),
    (r"map expects a list, got a function", "the list comes first: map(list, function(item) … end)"),
    (r"map expects a list", "map(list, function(item) … end): print(inspect(…)) shows what was given as the list"),
    (r"with_timeout expects seconds", "with_timeout(seconds, function() … end): the seconds come first"),
    (r"with_timeout: not done", "give it more seconds, or catch the error: local value, err = try(with_timeout, …)"),
    (r"sleep expects seconds", "sleep(0.5) waits half a second, sleep(tonumber(text)) as many as a text says"),
    (r"wait_any expects", "wait_any(t1, t2) takes tasks as spawn gives them, unpack(list) those of a list"),
    (r"task:(\w+)\(\) expects a task",
     "it is called with a colon on what spawn gave: local t = spawn(fn), then t:wait()"),
    (r"(?:spawn|parallel|map|with_timeout|try)\b.{0,20} expects a function",
     "give the function itself, not what a call of it gave: spawn(f, x), try(f, x), parallel(function() … end)"),
    (r"sql\.\w+ expects a statement", 'sql.query("select * from t where id = ?", {id}) takes the statement first'),
    (r"fs\.(?:write|append) expects",
     "fs.write(path, text) takes a path and a text; json.encode(value) makes a text of a table"),
    (r"fs\.\w+ expects a path", "fs.read(path) and its sisters take a path as a text first"),
    (r"a GraphQL query is a string",
     "graphql_query(text, variables); of a client client:query(text, variables), with a colon"),
    (r"body is a table", "json = {…} sends a table as JSON, form = {…} as a form"),
    (r".*a table that is neither a list nor a map|.*a list with a hole",
     "a list has the keys 1 to n and no nil between (json.null stands for one), a map has names only"),
    (r".*nested more than 64 deep", "leave out the field that leads back to the table itself"),
    (r".*a (?:function|thread) cannot be sent",
     "only texts, numbers, booleans and tables are: call the function, f(…), or leave it out"),
    (r".*nan is not a number|.*inf is not a number",
     "it comes of 0/0 or of dividing by 0: print the numbers it was computed of"),
    (r"env cannot be assigned", "keep the value in a local: local name = value"),
    (r"require\('.*not a file",
     "require looks beside a script's file: save the script, and the module as name.lua beside it"),
    (r"attempt to compare two (?:nil|table|boolean|function|userdata) values",
     "< and > compare two numbers or two texts: compare a field of each, a.amount < b.amount"),
)  # fmt: skip
_ARGUMENT = re.compile(r"bad argument #(\d+) to '([\w.]{1,60})' \((.{1,200})\)\Z", re.S)


def hint_for_library(message: str, rows: list[str], line: int) -> str | None:
    """What to do about what a library function said, in ``line`` (1-based) of ``rows``."""
    for pattern, hint in MESSAGES:
        if re.match(pattern, message):
            return hint
    found = _ARGUMENT.match(message)
    if found is None:
        return None
    number, function, fault = found[1], found[2].rpartition(".")[2], found[3]
    here = rows[line - 1] if 0 < line <= len(rows) else ""
    usage = USAGE.get(function)
    if number == "1" and fault.endswith(("got nil", "got no value")):
        if function in _STRINGS and (dotted := re.search(rf"(\w+)\.{function}\s*\(\s*\)", here)):
            return f"a method is called with a colon: {dotted[1]}:{function}(…)"
        given = re.search(rf"\b{function}\s*\(\s*({DOTTED})\s*[,)]", here)
        if given is not None:
            owner, _, name = given[1].rpartition(".")
            return (
                f"{owner} has no {name} here: print(inspect({owner})) shows what it has"
                if owner
                else of_name(name, rows, line)
            )
    if function in ("ipairs", "pairs") and "userdata" in fault:
        return "an API's objects are gone through by for item in stripe.products.list{}:each() do … end, and the like"
    if function == "time" and "string" in fault:
        return f'{USAGE["time"]}; text:match("(%d+)-(%d+)-(%d+)") takes a date apart'
    return usage or f"print what is given as argument {number} above this line: it is not what {function} takes"
