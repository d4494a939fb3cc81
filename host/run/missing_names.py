"""What is there instead of a name of Lua, or of another language, that a script has not: one table."""

from __future__ import annotations

from typing import Final

from host.nearest_name import LONGEST, nearest_name

__all__ = ["MISSING", "MODULES", "hint_for_method", "hint_for_module", "hint_for_name"]

_READ = "fs.read(path) returns a granted file's text (--allow-read PATH)"
_FILES = f"{_READ}, fs.write(path, text) writes one (--allow-write PATH)"
_LINES = f'{_READ}; for line in text:gmatch("[^\\r\\n]+") loops over its lines'
_LOG = "log.error(…), log.warn(…) and log.info(…) write to the error output"
_OUT = "print(…) and io.write(…) write to the output"
_RUN = "scripts cannot start programs; the embedding program can register a function for that"
_TIME_ZONE = "scripts use the machine's locale and time zone"
_MODULE = "require(name) loads a file beside the script; a module is a table its file returns"
_ENVIRONMENT = 'functions have the script\'s globals; load(text, name, "t", globals) gives a chunk others'
_DEBUG = 'debug has only debug.traceback([message]) and debug.getinfo(level or function, "Sln")'
_BITS = "bit.band, bit.bor, bit.bxor, bit.bnot, bit.lshift and bit.rshift work on the bits of numbers"
_PACK = "string.byte, string.char and the bit library read and write binary strings"
_UTF8 = 'strings are bytes: text:gmatch("[%z\\1-\\127\\194-\\244][\\128-\\191]*") gives the characters of UTF-8'
_LENGTH = "#value is the length of a string or list"
_JOIN = "table.concat(list, separator) joins a list of strings"
_EACH = "for key, value in pairs(t) and for i, value in ipairs(list) loop over tables"
_NIL = "Lua has nil (json.null sends a null)"
_HTTP = "http.get(url) and http.post(url, {json = …}) send requests (--allow-net HOST)"
_SLEEP = "sleep(seconds) waits; spawn(function() … end) runs something in the meantime"
_SPLIT = 'for part in text:gmatch("[^,]+") loops over the parts of a string'
_TRIM = 'text:match("^%s*(.-)%s*$") is a string without the spaces around it'
_STARTS = "text:sub(1, #start) == start tests how a string begins"
_CONTAINS = "text:find(part, 1, true) tests whether a string contains another"
_MAP = "map(list, fn) returns a list of what fn returns for each item"
_COUNT = "#list counts a list's items"
_ROUND = "math.floor(x + 0.5) rounds"
_SPRINTF = 'string.format("%d %s", n, text) formats values as a string'
_EXIT = "os.exit(status) ends the run"
_JSON = "json.encode(value) and json.decode(text) are built in"
_ARGS = "the script's arguments are args[1], args[2] … and ..."

# By the name as it is written. "x.*": any other member of x.
MISSING: Final[dict[str, str]] = {
    name: hint
    for names, hint in {
        # Lua's own
        "io.open": _FILES,
        "io.lines": _LINES,
        "io.stderr": _LOG,
        "io.output io.close": _OUT,
        "io.stdin io.input": "io.read(\"*l\") and io.read(\"*a\") read the input",
        "io.popen os.execute": _RUN,
        "io.tmpfile os.tmpname": _FILES,
        "io.*": f"io has write, read and stdout; {_FILES}",
        "os.remove": "fs.remove(path) removes a granted file (--allow-write PATH)",
        "os.rename": _FILES,
        "os.setlocale": _TIME_ZONE,
        "os.*": "os has time, date, clock, difftime, getenv and exit",
        "dofile": "require(name) runs a file beside the script, once",
        "loadfile": f"require(name) loads a file beside the script; {_READ}, and load(text) compiles it",
        "loadlib package.loadlib": "compiled libraries cannot be loaded; require(name) loads Lua files",
        "package.searchpath package.loaders package.searchers package.seeall package.*":
            "package has loaded, preload, path and config; require(name) looks in the script's folder",
        "module": _MODULE,
        "getfenv setfenv _ENV": _ENVIRONMENT,
        "debug.*": _DEBUG,
        "jit jit.* ffi ffi.* newproxy": "the compiler and C are not available; bit, math and string are",
        "gcinfo": "collectgarbage(\"count\") gives the memory in use, in KB",
        "arg": _ARGS,
        "utf8 utf8.*": _UTF8,
        "string.pack string.unpack string.packsize": _PACK,
        "string.dump": "functions cannot be turned into bytecode",
        "string.gfind": "it is called string.gmatch",
        "table.getn": _COUNT,
        "table.foreach table.foreachi table.forEach table.each": _EACH,
        "table.setn": "a list's length is determined by its items",
        "math.type math.tointeger": "all numbers are of one type; x == math.floor(x) tests whether one is whole",
        "math.mod": "x % y is the remainder of a division",
        "math.maxinteger math.mininteger": "whole numbers are exact up to 2^53",
        "bit32 bit32.*": _BITS,
        "coroutine.close": "a coroutine that is never resumed is collected as garbage",
        "lfs lfs.*": "fs.list(folder), fs.exists(path) and fs.remove(path) work on granted folders",
        "socket socket.*": f"{_HTTP}; {_SLEEP}",
        "cjson cjson.* dkjson JSON JSON.*": _JSON,
        # those of --each
        "row rows": "row and rows exist in runs of --each FILE, which runs the script for each row of a .csv, .tsv "
                    "or .jsonl file",
        # other languages'
        "json.parse json.loads json.load": "json.decode(text) reads JSON",
        "json.stringify json.dumps json.dump json.serialize": "json.encode(value) converts a value to JSON",
        "http.fetch http.send http.call": (
            'http.request{method = "GET", url = …} sends any request, http.get(url) reads'
        ),
        "fs.open fs.readFile fs.read_file fs.load": _FILES,
        "fs.writeFile fs.write_file fs.save": "fs.write(path, text) writes a file (--allow-write PATH)",
        "log.print log.log": _LOG,
        "os.exists": "fs.exists(path) tests whether a granted file exists (--allow-read PATH)",
        "null undefined None NULL": _NIL,
        "True False": "Lua has true and false",
        "this": "the object of a method is self: function t:method() … end",
        "console console.*": f"{_OUT}; {_LOG}",
        "printf fprintf sprintf": _SPRINTF,
        "echo puts println fmt fmt.* System System.*": _OUT,
        "len length table.length table.len table.size table.count string.length string.size": _LENGTH,
        "str toString String": "tostring(value) converts it to a string",
        "int float Number parseInt parseFloat": "tonumber(text) converts a string to a number",
        "round math.round": _ROUND,
        "range": "for i = 1, n do … end counts",
        "append table.append table.push table.add table.push_back": (
            "list[#list + 1] = value appends a value to a list"
        ),
        "table.contains table.indexOf table.find table.includes":
            "for _, item in ipairs(list) do if item == value then … end end finds a value",
        "table.keys table.values table.merge table.copy table.clone": _EACH,
        "table.map table.filter table.reduce": f"{_MAP}; {_EACH}",
        "table.join": _JOIN,
        "table.slice": "unpack(list, i, j) returns some of a list's values",
        "string.split": _SPLIT,
        "string.trim string.strip": _TRIM,
        "string.startswith string.startsWith string.starts_with": _STARTS,
        "string.endswith string.endsWith string.ends_with": "text:sub(-#ending) == ending tests how a string ends",
        "string.contains string.includes string.indexOf": _CONTAINS,
        "string.replace string.replaceAll": "text:gsub(pattern, replacement) replaces",
        "string.join": _JOIN,
        "string.toLowerCase string.tolower": "use text:lower()",
        "string.toUpperCase string.toupper": "use text:upper()",
        "string.substring string.substr "
        "string.slice": "text:sub(from, to) returns a part of a string; positions begin at 1",
        "string.charAt string.at": "text:sub(i, i) returns one character",
        "string.concat": "strings are joined with ..: a .. b",
        "string.isEmpty string.empty": "text == \"\" tests whether a string is empty",
        "exit quit die process process.*": _EXIT,
        "setTimeout setInterval async await Promise Promise.* task.wait task.spawn": _SLEEP,
        "fetch axios axios.* requests requests.* curl": _HTTP,
        "os.sleep os.wait wait": _SLEEP,
        "time.time time.sleep": "os.time() returns the current time; sleep(seconds) waits",
        "Math Math.*": "Lua's library is math: math.floor, math.max …",
        "Object Object.* Array Array.*": _EACH,
        "Date Date.*": "os.time() returns the current time, os.date(\"!%Y-%m-%dT%H:%M:%SZ\") formats it",
        "process.env os.environ": "env.NAME is a granted variable (--allow-env NAME)",
        "raw_input readline gets": "io.read(\"*l\") reads a line of the input",
        "isinstance typeof instanceof": "type(value) == \"table\" tests the type of a value",
        "switch case": "use if … elseif … else … end, or a table of functions",
        "catch finally except": "errors are caught with pcall(function() … end) or try(fn, …)",
        "throw raise": "error(message) raises an error",
        "import include": "local name = require(\"name\") loads a file beside the script",
    }.items()
    for name in names.split()
}  # fmt: skip

# Modules that are often required, by the first part of their names.
MODULES: Final[dict[str, str]] = {
    name: hint
    for names, hint in {
        "cjson dkjson json rapidjson lunajson": f"{_JSON}, without require",
        "lfs posix path": MISSING["lfs"],
        "socket ssl copas http requests cURL lcurl": f"{_HTTP}, without require; {_SLEEP}",
        "luasql lsqlite3 sqlite3 pgmoon": "sql.query(…) and sql.execute(…) are built in (--allow-sql URL)",
        "ffi jit": MISSING["jit"],
        "utf8 compat53": _UTF8,
        "bit32": MISSING["bit32"],
        "inspect": "inspect(value) is built in, without require",
        "stripe": "stripe and new_product() … are built in, without require",
    }.items()
    for name in names.split()
}  # fmt: skip

# Methods that objects of other clients and other languages' tasks have, and what does the same here.
ANSWERS: Final[dict[str, str]] = {
    "save": "update(object.id, {name = value}) sends a change",
    "update": "update(object.id, {name = value}) sends a change",
    "modify": "update(object.id, {name = value}) sends a change",
    "refresh": "retrieve(object.id) reads it again",
    "reload": "retrieve(object.id) reads it again",
    "destroy": "delete(object.id) deletes it",
    "delete": "delete(object.id) deletes it",
    "cancel": "subscriptions.cancel(object.id) cancels one",
    "capture": "payment_intents.capture(object.id) captures one",
    "confirm": "payment_intents.confirm(object.id) confirms one",
    "auto_paging_iter": "list{}:each() loops over all pages",
    "autoPagingEach": "list{}:each() loops over all pages",
}
TASKS: Final = frozenset(("await", "join", "result", "get_result", "done"))

# What the libraries have, for names that are a slip of the keyboard away.
MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    library: tuple(names.split())
    for library, names in {
        "string": "byte char find format gmatch gsub len lower match rep reverse sub upper",
        "table": "concat insert maxn move pack remove sort unpack",
        "math": "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi"
        " pow rad random randomseed sin sinh sqrt tan tanh",
        "os": "clock date difftime exit getenv time",
        "io": "flush read stdout write",
        "coroutine": "create isyieldable resume running status wrap yield",
        "bit": "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex",
        "debug": "getinfo traceback",
        "package": "config cpath loaded path preload",
        "json": "array decode encode null",
        "fs": "append exists list read remove write",
        "log": "debug error info warn",
        "http": "delete get head options patch post put request",
        "sql": "connect execute query transaction",
    }.items()
}


def hint_for_name(dotted: str) -> str | None:
    """What to say of ``io.open``: what is there instead, or the nearest name the library has."""
    library, dot, member = dotted.rpartition(".")
    if dotted in MISSING:
        return f"there is no {dotted}: {MISSING[dotted]}"
    if not dot or len(member) > LONGEST:
        return None
    if library in MEMBERS and member not in MEMBERS[library]:
        near = nearest_name(member, MEMBERS[library], 0.66)
        if near:
            return f'there is no {dotted}; did you mean "{library}.{near}"?'
        if f"{library}.*" not in MISSING:
            return f"there is no {dotted}; {library} has {', '.join(MEMBERS[library])}"
    hint = MISSING.get(f"{library}.*")
    return None if hint is None else f"there is no {dotted}: {hint}"


def hint_for_method(name: str) -> str | None:
    """What to say of ``value:trim()``, ``list.push(x)``, ``answer:save()``: members other languages' values have."""
    if name in ANSWERS:
        return f"an API's answer is plain data without {name}: use stripe.products.{ANSWERS[name]}, or the like"
    if name in TASKS:
        return f"there is no {name}: task:wait() returns a task's results"
    if name in MEMBERS["table"]:
        return f"a list has no methods: use table.{name}(list, …)"
    for library in ("string", "table"):
        if (hint := MISSING.get(f"{library}.{name}")) is not None:
            return f"there is no {name}: {hint}"
    return None


def hint_for_module(name: str) -> str | None:
    """What to say of a module that is not beside the script."""
    first = name.partition(".")[0]
    return MODULES.get(first)
