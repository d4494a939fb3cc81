"""What to do about an error that a function of Lua's libraries raised, by its message: two tables."""

from __future__ import annotations

import re
from typing import Final

from host.run.unset import DOTTED, of_name

__all__ = ["hint_for_library"]

# How a function is called, by its last name as messages have it.
USAGE: Final[dict[str, str]] = {
    "ipairs": "for i, value in ipairs(list) do … end loops over a list",
    "pairs": "for key, value in pairs(t) do … end loops over a table",
    "next": "next(t) returns a table's first key and value",
    "insert": "table.insert(list, value) appends, table.insert(list, place, value) inserts before an index",
    "remove": "table.remove(list) removes the last item, table.remove(list, place) another",
    "concat": "table.concat(list, separator) joins a list of strings and numbers",
    "sort": "table.sort(list) sorts, table.sort(list, function(a, b) return a.x < b.x end) by a field",
    "unpack": "unpack(list) returns a list's items as values",
    "select": 'select("#", ...) counts the values, select(n, ...) returns those from the n-th on',
    "setmetatable": "setmetatable(t, meta) takes two tables",
    "getmetatable": "getmetatable(t) takes a value",
    "rawget": "rawget(t, key) takes a table and a key",
    "rawset": "rawset(t, key, value) takes a table, a key and a value",
    "tonumber": 'tonumber(text) converts a string to a number, tonumber(text, base) in a base from 2 to 36',
    "tostring": "tostring(value) converts a value to a string",
    "format": 'string.format("%d %s", n, text) needs a value for each %: a number for %d and %f, any for %s',
    "rep": "text:rep(n) repeats a string",
    "sub": "text:sub(from, to) returns a part of a string; positions begin at 1",
    "upper": "text:upper() is called with a colon",
    "lower": "text:lower() is called with a colon",
    "len": "#text is a string's length",
    "reverse": "text:reverse() is called with a colon",
    "byte": "text:byte(i) returns the i-th byte as a number",
    "char": "string.char(n, …) makes a string from byte values 0 to 255",
    "find": "text:find(pattern) returns where it begins and ends; text:find(part, 1, true) searches for the "
            "part literally",
    "match": "text:match(pattern) returns what the pattern matches, or nil",
    "gmatch": "for part in text:gmatch(pattern) do … end loops over the matches",
    "gsub": "text:gsub(pattern, replacement) replaces; the replacement is a string, a function or a table",
    "time": "os.time() returns the current time, os.time{year = 2026, month = 1, day = 31} that of a date",
    "date": 'os.date("%Y-%m-%d", seconds) formats a time',
    "difftime": "os.difftime(later, earlier) takes two times as returned by os.time()",
    "getenv": 'os.getenv("NAME") returns a granted variable (--allow-env NAME)',
    "exit": "os.exit(status) takes a whole number from 0 to 255; print(…) or log.error(…) before it can say why",
    "create": "coroutine.create(function() … end) takes the function itself, not its result",
    "wrap": "coroutine.wrap(function() … end) takes the function itself, not its result",
    "resume": "coroutine.resume(co) takes a value returned by coroutine.create",
    "status": "coroutine.status(co) takes a value returned by coroutine.create",
    "load": "load(text) compiles Lua source and returns a function, which runs when called: assert(load(text))()",
    "loadstring": "loadstring(text) compiles Lua source and returns a function",
    "require": 'require("name") loads name.lua beside the script',
    "encode": "json.encode(value) converts a value to JSON",
    "random": "math.random(n) returns a whole number from 1 to n, math.random(from, to) one in that range",
    "floor": "math.floor(x) takes a number: tonumber(text) converts a string to one",
    "ceil": "math.ceil(x) takes a number: tonumber(text) converts a string to one",
    "max": "math.max(a, b, …) takes numbers; for a list, math.max(unpack(list))",
    "min": "math.min(a, b, …) takes numbers; for a list, math.min(unpack(list))",
    "collectgarbage": 'collectgarbage("count") returns the memory in use, in KB',
}  # fmt: skip
_STRINGS: Final = "upper lower len reverse byte sub find match gmatch gsub rep format".split()  # noqa: SIM905 read as words

# What else they say, and what to do. The first that is found counts.
MESSAGES: Final[tuple[tuple[str, str], ...]] = (
    (r"'for' (?:limit|initial value|step) must be a number",
     "for i = 1, n do … end counts from number to number: #list counts a list's items, tonumber(text) makes a number"),
    (r"table index is (?:nil|NaN)",
     "the key between [ and ] has no value: print it before this line, or skip it with an if"),
    (r"invalid value \(nil\) at index \d+ in table for 'concat'",
     "the list has a hole there: remove it, or put a string in its place"),
    (r"invalid value \(\w+\) at index (\d+) in table for 'concat'",
     "table.concat joins texts and numbers: put tostring(value), or a field of it, into the list"),
    (r"invalid option '%(.)?'? to 'format'|invalid conversion '?%",
     "string.format accepts %d, %s, %f, %.2f, %x, %q, and %% for a percent sign"),
    (r"invalid order function for sorting",
     "the function given to table.sort says whether a comes before b: return a.x < b.x, not <="),
    (r"cannot resume dead coroutine",
     'its function has ended: check coroutine.status(co) ~= "dead" first, and make a new one with coroutine.create or '
     "wrap"),
    (r"attempt to yield from outside a coroutine",
     "coroutine.yield belongs in a function given to coroutine.wrap or create; to wait, call sleep(seconds)"),
    (r"malformed pattern",
     "% [ ] ( ) . + - * ? ^ $ have special meanings in a pattern: %[ matches a literal [, and text:find(part, 1, "
     "true) searches "
     "literally"),
    (r"invalid (?:use of '%' in replacement|capture index|pattern capture)|unfinished capture",
     "in a pattern or replacement, %1 is a capture and %% a percent sign; each ( needs a )"),
    (r"field '(\w+)' missing in date table", "os.time{year = 2026, month = 1, day = 31} needs all three"),
    (r"stack overflow",
     "a function calls itself endlessly, directly or through others: give it a case in which it returns"),
    (r"assertion failed!", 'the argument of assert was false or nil: assert(value, "what is wrong") gives a '
                           'better message'),
    (r"error object is ", 'error("what went wrong") takes a string, error{code = 1, message = "…"} a table'),
    (r"the error is a table: ", 'error{message = "what went wrong", …} is shown as its message'),
    (r"the script ran for \S+ s without a call",
     "this is the limit of Lua time between two calls: perhaps a loop never ends, so check its condition; "
     "sleep(0) in a long loop restarts the time"),
    (r"the script used more than its memory limit|not enough memory",
     "keep less in memory: page:each() returns one item at a time; a list that only grows needs a limit"),
    (r"string limit: ", "write a string this long in parts, with io.write or fs.append"),
    (r"json\.decode: ", 'print the text: JSON needs double quotes around names and strings, and no comma after '
                        'the last item;'
     " an empty string or HTML is not JSON"),
    (r"No such \w+: '", "an id belongs to one kind of object, one account and one mode (test or live): the "
                        "operation list shows the "
     "objects of a kind"),
    (r"Invalid non-negative integer",
     "it must be 0 or more: returning money has operations of its own, such as refunds.create"),
    (r"We were unable to parse your search query",
     "a search is field:\"text\" AND number>1, as in query = 'email:\"a@example.com\"'"),
    (r"Missing required param: ",
     "give that parameter: :name(value) on a builder, or {name = value}"),
    (r"a URL is a string",
     "http.get(url, {…}) takes the URL first; http.request{method = …, url = …} takes everything in one table"),
    (r"the URL .* is not an http", "write the whole address, https://example.com/path"),
    (r"http\.\w+: headers are", 'headers = {Accept = "application/json"}'),
    (r"a "
     r"task cannot wait", "only another task, or the main script, can wait for it: call t:wait() outside its function"),
    (r"json\.decode expects a string", "it takes a string of JSON; a table needs no decoding"),
    (r"map expects a list, got a function", "the list comes first: map(list, function(item) … end)"),
    (r"map expects a list", "map(list, function(item) … end): print(inspect(…)) shows what was given as the list"),
    (r"with_timeout expects seconds", "with_timeout(seconds, function() … end) takes the seconds first"),
    (r"with_timeout: not done", "give it more seconds, or catch the error: local value, err = try(with_timeout, …)"),
    (r"sleep expects seconds", "sleep(0.5) waits half a second; sleep(tonumber(text)) takes the seconds from a string"),
    (r"wait_any expects", "wait_any(t1, t2) takes tasks returned by spawn; for a list of them, wait_any(unpack(list))"),
    (r"task:(\w+)\(\) expects a task",
     "call it with a colon on the task that spawn returned: local t = spawn(fn), then t:wait()"),
    (r"(?:spawn|parallel|map|with_timeout|try)\b.{0,20} expects a function",
     "give the function itself, not the result of calling it: spawn(f, x), try(f, x), parallel(function() … end)"),
    (r"sql\.\w+ expects a statement", 'sql.query("select * from t where id = ?", {id}) takes the statement first'),
    (r"fs\.(?:write|append) expects",
     "fs.write(path, text) takes a path and a string; json.encode(value) converts a table to a string"),
    (r"fs\.\w+ expects a path", "fs.read(path) and the other functions of fs take a path first, a string"),
    (r"a GraphQL query is a string",
     "graphql_query(text, variables); on a client, client:query(text, variables), with a colon"),
    (r"body is a table", "json = {…} sends a table as JSON, form = {…} as a form"),
    (r".*a table that is neither a list nor a map|.*a list with a hole",
     "a list has the keys 1 to n without gaps (json.null stands for nil); a map has string keys only"),
    (r".*nested more than 64 deep", "remove the field that refers back to the table itself"),
    (r".*a (?:function|thread) cannot be sent",
     "only strings, numbers, booleans and tables can be sent: call the function, f(…), or remove it"),
    (r".*nan is not a number|.*inf is not a number",
     "it comes from dividing by 0: print the numbers it was computed from"),
    (r"env cannot be assigned", "keep the value in a local: local name = value"),
    (r"require\('.*not a file",
     "require looks in the folder of the script's file: save the script, and the module next to it as name.lua"),
    (r"attempt to compare two (?:nil|table|boolean|function|userdata) values",
     "< and > compare two numbers or two strings: compare a field of each, a.amount < b.amount"),
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
            return f"call a method with a colon: {dotted[1]}:{function}(…)"
        given = re.search(rf"\b{function}\s*\(\s*({DOTTED})\s*[,)]", here)
        if given is not None:
            owner, _, name = given[1].rpartition(".")
            return (
                f"{owner} has no {name} here: print(inspect({owner})) shows what it has"
                if owner
                else of_name(name, rows, line)
            )
    if function in ("ipairs", "pairs") and "userdata" in fault:
        return "to loop over an API's objects: for item in stripe.products.list{}:each() do … end"
    if function == "time" and "string" in fault:
        return f'{USAGE["time"]}; text:match("(%d+)-(%d+)-(%d+)") splits a date'
    return usage or f"print the value of argument {number} before this line: {function} does not accept it"
