"""What script writers get wrong in Lua itself."""

from __future__ import annotations

from tests.run.mistake import Mistake

MISTAKES_OF_LUA: dict[str, Mistake] = {
    # -- the language: habits of other languages
    "not equal as in C": Mistake("local a = 1\nif a != 2 then print(a) end", 2, r"!=", r"~="),
    "and as in C": Mistake("local a = true\nif a && a then print(a) end", 2, r"&&", r"\band\b"),
    "or as in C": Mistake("local a = true\nif a || a then print(a) end", 2, r"\|\|", r"\bor\b"),
    "negation as in C": Mistake("local a = true\nif !a then print(a) end", 2, r"!", r"\bnot\b"),
    "increment": Mistake("local n = 1\nn++", 2, r"\+\+", r"n = n \+ 1"),
    "compound assignment": Mistake("local n = 1\nn += 1", 2, r"\+=", r"n = n \+"),
    "continue": Mistake("for i = 1, 3 do\n  if i == 2 then continue end\nend", 2, r"continue", r"goto continue"),
    "elif": Mistake("local a = 1\nif a == 1 then\nelif a == 2 then\nend", 3, r"elif", r"elseif"),
    "null": Mistake("local a = {}\nreturn a.b.c == null", 2, r"'b'|\bb\b", r"inspect\(a\).*nil"),
    "else if without its own end": Mistake(
        "local a = 1\nif a == 1 then\n  print(1)\nelse if a == 2 then\n  print(2)\nend",
        6,
        r"'end' expected|end",
        r"line 4 must be written elseif",
    ),
    "a forgotten end": Mistake(
        "local function f()\n  return 1\n\nprint(f())", 4, r"'end' expected|end", r"function of line 1 has no end"
    ),
    "a forgotten then": Mistake("local a = 1\nif a == 1\n  print(a)\nend", 3, r"'then' expected", r"if x then … end"),
    "a forgotten do": Mistake("for i = 1, 3\n  print(i)\nend", 2, r"'do' expected", r"while x do … end"),
    "braces of C": Mistake("local a = 1\nif (a == 1) {\n}", 2, r"then|\{", r"then"),
    "an unfinished text": Mistake('local a = "abc\nprint(a)', 1, r"unfinished string", r"same [\"'] or"),
    "assignment as a condition": Mistake("local a = 1\nif a = 1 then end", 2, r"=", r"=="),
    "a comment of C": Mistake("// creates a product\nprint(1)", 1, r"/", r"--"),
    "a comment of Python": Mistake("# creates a product\nprint(1)\n# more", 3, r"#", r"--"),
    "joining with plus": Mistake('local a = "x" + "y"\nprint(a)', 1, r"arithmetic", r"\.\."),
    "joining nil": Mistake('local a\nprint("x" .. a)', 2, r"concatenate.*'?a'?|nil", r"declared in line 1"),
    "joining a table": Mistake('local t = {}\nprint("x" .. t)', 2, r"concatenate", r"inspect|tostring|field"),
    "calling nil": Mistake("local t = {}\nt.run()", 2, r"call.*run|run.*nil", r"inspect\(t\)"),
    "indexing nil": Mistake("local t = {}\nprint(t.a.b)", 2, r"index.*a|a.*nil", r"inspect\(t\)"),
    "a misspelt global": Mistake('pritn("x")', 1, r"pritn", r"print"),
    "comparing a number with a text": Mistake('local n = 5\nif n < "6" then end', 2, r"compare", r"tonumber"),
    "a loop over nil": Mistake(
        "local rows\nfor _, r in ipairs(rows) do print(r) end", 2, r"ipairs", r"declared in line 1"
    ),
    "a loop over a table without pairs": Mistake(
        "local t = {1, 2}\nfor k, v in t do print(v) end", 2, r"call a table|table", r"pairs\(t\)"
    ),
    "length of nil": Mistake("local t\nprint(#t)", 2, r"length.*t|nil", r"declared in line 1"),
    # -- names of Lua that are not there
    "io.open": Mistake('local f = io.open("x.txt")', 1, r"io\.open", r"fs\.read"),
    "io.lines": Mistake('for l in io.lines("x.txt") do end', 1, r"io\.lines", r"fs\."),
    "io.stderr": Mistake('io.stderr:write("x")', 1, r"io\.stderr", r"log\."),
    "os.execute": Mistake('os.execute("ls")', 1, r"os\.execute", r"can register a function"),
    "os.remove": Mistake('os.remove("x")', 1, r"os\.remove", r"fs\."),
    "dofile": Mistake('dofile("x.lua")', 1, r"dofile", r"require"),
    "loadfile": Mistake('loadfile("x.lua")', 1, r"loadfile", r"require|load"),
    "arg": Mistake("print(arg[1])", 1, r"\barg\b", r"args"),
    "setfenv": Mistake("setfenv(1, {})", 1, r"setfenv", r"load\(text, name"),
    "getfenv": Mistake("getfenv(1)", 1, r"getfenv", r"load\(text, name"),
    "table.unpack": Mistake("local t\nprint(unpack(t))", 2, r"unpack.*table expected", r"t was declared in line 1"),
    "string.dump": Mistake("string.dump(print)", 1, r"string\.dump", r"cannot be turned into bytecode"),
    "debug.sethook": Mistake("debug.sethook()", 1, r"debug\.sethook", r"debug\.traceback"),
    "ffi": Mistake('local ffi = require("ffi")', 1, r"'ffi'", r"not available", "-"),
    "a module that is not there": Mistake(
        'local m = require("pricing")', 1, r"pricing", r"no pricing\.lua beside the script", "-"
    ),
    "a module of luarocks": Mistake(
        'local cjson = require("cjson")', 1, r"cjson", r"json\.decode\(text\) are built in", "-"
    ),
    "socket.http": Mistake('local h = require("socket.http")', 1, r"socket\.http", r"http\.get", "-"),
    # -- values
    "an amount in units": Mistake("new_price():amount(29.99)", 1, r"29\.99", r"2999"),
    "an amount with the error of floats": Mistake(
        'new_price():currency("usd"):amount(19.99 * 100)', 1, r"1998\.99", r"1999"
    ),
    "an amount of yen with a fraction": Mistake(
        'new_price():currency("jpy"):amount(500.5)', 1, r"500\.5", r"jpy has no decimals.*501"
    ),
    "an amount as a text with a currency": Mistake(
        'new_price():amount("$20")', 1, r"\$20", r"of digits alone.*2999 for 29\.99"
    ),
    "an amount as a text with a fraction": Mistake(
        'new_price():amount("29.99")', 1, r"29\.99", r"of digits alone.*2999 for 29\.99"
    ),
    "an amount that is nil": Mistake("local t = {}\nnew_price():amount(t.price)", 2, r"nil", r"integer"),
    "a text where a number belongs": Mistake(
        'new_subscription():trial_days("two weeks")', 1, r"two weeks", r"plain digits of an integer"
    ),
    "a table where a text belongs": Mistake('new_product():name({"x"})', 1, r"name", r"expected a string"),
    "a function where a value belongs": Mistake("new_product():name(print)", 1, r"name", r"string"),
    "a value that is no choice": Mistake('new_coupon():duration("onec")', 1, r"onec", r'did you mean "once"'),
    "a currency by its sign": Mistake(
        'new_price():currency("€"):amount(1):product_data{name = "x"}:create()', 1, r"Invalid currency: €", r"aed, .*"
    ),
    "a nested name that is wrong": Mistake('new_price():recurring{intervall = "month"}', 1, r"intervall", r"interval"),
    "a nested type that is wrong": Mistake(
        "new_price():recurring{interval = 5}", 1, r"recurring\.interval", r'"day", "month"'
    ),
    "a list where a map belongs": Mistake('new_product():metadata{"a", "b"}', 1, r"metadata", r'key = "value"'),
    "a map key alone": Mistake('new_product():metadata("colour")', 1, r"metadata", r"value"),
    "a builder given for an id": Mistake(
        'local c = new_customer():name("A")\nc:create()\nnew_subscription():customer(c)', 3, r"customer", r"\.id"
    ),
    "an object given for an id": Mistake(
        'local c = stripe.customers.create{name = "A"}\nnew_subscription():customer(c)', 2, r"customer", r"\.id"
    ),
    "an object given to retrieve": Mistake(
        'local c = stripe.customers.create{name = "A"}\nstripe.customers.retrieve(c)', 2, r"customer", r"\.id"
    ),
    "no id for retrieve": Mistake("stripe.customers.retrieve()", 1, r"customer", r"retrieve\(customer.*as a string"),
    "an id that is nil": Mistake(
        "local t = {}\nstripe.customers.retrieve(t.id)",
        2,
        r"nil|customer",
        r"customer as a string, such as an object's \.id",
    ),
    "an empty id": Mistake('stripe.customers.retrieve("")', 1, r"empty|customer", r"expected an id"),
    "an id of another kind": Mistake('stripe.customers.retrieve("prod_123")', 1, r"prod_123", r"one kind of object"),
    "a required parameter left out": Mistake(
        'new_price():currency("usd"):amount(5):create()', 1, r"product", r"product_data"
    ),
    "a required parameter of an operation": Mistake("stripe.products.create{}", 1, r"name", r"give name = …"),
    "parameters as a list of words": Mistake(
        'stripe.products.create("x")', 1, r"table|\"x\"", r"create\(params, options\)"
    ),
    "created twice": Mistake(
        'local p = new_product():name("x")\np:create()\np:create()', 3, r"already|created", r"copy"
    ),
    "a date as a text": Mistake(
        'stripe.customers.list{created = {gt = "2026-01-01"}}', 1, r"2026-01-01", r"os\.time\{year"
    ),
    "a boolean as a text": Mistake('new_product():active("yes")', 1, r"yes", r'value == "true"'),
    "an option that is not one": Mistake(
        'new_product():with{idempotencykey = "k"}', 1, r"idempotencykey", r"did you mean .idempotency_key"
    ),
    "an option of the wrong type": Mistake('new_product():with{timeout = "soon"}', 1, r"timeout", r"seconds above 0"),
    "extra that is no table": Mistake('new_product():with{extra = "x"}', 1, r"extra", r"table of names and values"),
    # -- json and texts
    "json that is not": Mistake('json.decode("{a: 1}")', 1, r"json", r"double quotes"),
    "json of a function": Mistake("json.encode{f = print}", 1, r"function", r"call the function"),
    "json of nil": Mistake("json.decode(nil)", 1, r"json\.decode", r"expects a string"),
    "a pattern that is malformed": Mistake('("x"):find("[a")', 1, r"pattern", r"%\[ matches"),
    "string.rep past the limit": Mistake(
        'local s = ("x"):rep(1e9)', 1, r"rep|string", r"the limit is 67108864[^~]*in parts"
    ),
    "a format with too few values": Mistake('print(("%d of %d"):format(1))', 1, r"format", r"a value for each %"),
    "a number in a format that is none": Mistake('print(("%d"):format("x"))', 1, r"format", r"number for %d"),
    # -- more of the language
    "the index 0": Mistake("local t = {{n = 1}}\nprint(t[0].n)", 2, r"index a nil", r"t\[1\] is its first item"),
    "past the end of a list": Mistake(
        "local t = {{n = 1}}\nfor i = 1, 2 do\n  print(t[i].n)\nend", 3, r"index a nil", r"#t is their number"
    ),
    "a text's method with a dot": Mistake('local s = "abc"\nprint(s.upper())', 2, r"'upper'", r"s:upper\("),
    "a method called with a dot": Mistake(
        "local A = {}\nfunction A:go() return self.x.y end\nA.go()", 2, r"'self'", r"object:method"
    ),
    "a function called with a colon": Mistake(
        "local A = {}\nfunction A.add(a, b) return a + b end\nprint(A:add(1, 2))", 2, r"arithmetic", r"write A\.add\("
    ),
    "a function without return": Mistake(
        "local function f() end\nlocal x = f()\nprint(x.y)", 3, r"'x'", r"f\(…\) returned nothing"
    ),
    "a parameter nobody gave": Mistake(
        "local function f(order)\n  return order.id .. ''\nend\nprint(f())",
        2,
        r"'order'",
        r"without a value for order, its argument 1",
    ),
    "a comma that is missing": Mistake("local t = {\n  a = 1\n  b = 2\n}", 3, r"'\}' expected", r"separated by commas"),
    "a ) that is missing": Mistake('print("x"\nprint("y")', 2, r"'\)' expected", r"is not closed"),
    "a ) too many": Mistake('print("x"))', 1, r"near '\)'", r"a \) without"),
    "an end too many": Mistake("if true then\n  print(1)\nend\nend", 4, r"near 'end'", r"one end too many"),
    "code after return": Mistake(
        "local function f()\n  return 1\n  print(2)\nend", 3, r"'end' expected", r"return must"
    ),
    "decrement": Mistake("local i = 1\ni--\nprint(i)", 2, r"near 'print'", r"n = n - 1"),
    "a slice": Mistake('local s = "abc"\nprint(s[1:2])', 2, r"near ':'", r"text:sub\(from, to\)"),
    "a method of arrays": Mistake("local t = {}\nt:push(1)", 2, r"'push'", r"list\[#list \+ 1\] = value"),
    "insert as a method": Mistake("local t = {}\nt:insert(1)", 2, r"'insert'", r"table\.insert\(list"),
    "the length as a member": Mistake("local t = {}\nprint(t.length + 1)", 2, r"'length'", r"#value"),
    "the sum of a missing field": Mistake("local o = {}\nlocal total = o.amount * 2", 2, r"'amount'", r"inspect\(o\)"),
    "comparing nil": Mistake(
        "local o = {}\nif o.amount > 5 then end", 2, r"compare number with nil", r"if o\.amount then"
    ),
    "comparing tables": Mistake("if {} < {} then end", 1, r"two table values", r"a\.amount < b\.amount"),
    "tonumber of a text that is none": Mistake(
        'local n = tonumber("12 EUR")\nprint(n + 1)', 2, r"'n'", r"tonumber returns nil"
    ),
    "pairs of a missing field": Mistake(
        "local t = {}\nfor k in pairs(t.items) do end", 2, r"'pairs'", r"t has no items"
    ),
    "a loop over a text": Mistake('for c in "abc" do end', 1, r"call a string", r"pairs\(t\)"),
    "a limit of a loop that is nil": Mistake(
        "local t = {}\nfor i = 1, t.n do end", 2, r"limit must be a number", r"#list"
    ),
    "insert the other way round": Mistake(
        "local t = {}\ntable.insert(1, t)", 2, r"'insert'", r"table\.insert\(list, value\)"
    ),
    "concat of tables": Mistake('print(table.concat({1, {}}, ","))', 1, r"index 2", r"tostring\(value\)"),
    "a key that is nil": Mistake("local t, k = {}\nt[k] = 1", 2, r"index is nil", r"key between"),
    "a member of a member that is not": Mistake(
        'local c = {}\nc.address.city = "x"', 2, r"'address'", r"c has no address"
    ),
    "a misspelt local": Mistake(
        "local customer = {id = 1}\nprint(custmer.id)", 2, r"'custmer'", r'did you mean "customer"'
    ),
    "a local function before its line": Mistake(
        "run()\nlocal function run() end", 1, r"'run'", r"declared further down, in line 2"
    ),
    "a local after its block": Mistake(
        "if true then\n  local x = {}\nend\nprint(x.y)", 4, r"'x'", r"line 2 ends with the block"
    ),
    "a name that nothing set": Mistake("print(zzqx.y)", 1, r"'zzqx'", r"zzqx was not given a value"),
    "a date table without a day": Mistake("os.time{year = 2026}", 1, r"'day' missing", r"month = 1, day"),
    "a text for os.time": Mistake('os.time("2026-01-01")', 1, r"'time'", r"os\.time\{year"),
    "a letter that format has not": Mistake('string.format("%y", 1)', 1, r"'%y'", r"%d, %s"),
    "an error that is a table": Mistake("error({code = 5})", 1, r"code = 5", r"message = "),
    "pcall's first value": Mistake(
        'local p = pcall(stripe.products.create, {name = "x"})\nprint(p.id)',
        2,
        r"boolean value",
        r"local ok, p = pcall",
    ),
    "pcall of a method without its object": Mistake(
        'local p = new_product():name("x")\nlocal ok, err = pcall(p.create)\nif not ok then error(err) end',
        2,
        r"'create' is a method",
        r"builder:create\(…\)",
    ),
    "a text that load cannot compile": Mistake('load("x = = 1")()', 1, r"nil value", r"assert\(load\(text\)\)"),
    "a coroutine that has ended": Mistake(
        "local co = coroutine.wrap(function() end)\nco()\nco()", 3, r"dead coroutine", r"make a new one"
    ),
    "a coroutine of a result": Mistake('coroutine.create(print("x"))', 1, r"'create'", r"function itself"),
    "yield outside": Mistake("coroutine.yield(1)", 1, r"outside a coroutine", r"coroutine\.wrap"),
    "an error inside a coroutine": Mistake(
        "local co = coroutine.wrap(function()\n  local x = nil\n  print(x.y)\nend)\nco()", 3, r"'x'", r"if x then"
    ),
    "break outside of a loop": Mistake("print(1)\nbreak", 2, r"no loop to break", r"return leaves a function"),
    "goto without a label": Mistake("goto out", 1, r"'out'", r"::name::"),
    "an apostrophe inside of quotes": Mistake("local s = 'it's'", 1, r"unfinished string", r"same"),
    "a path of Windows": Mistake('local q = "C:\\qdir"', 1, r"escape", r"backslash"),
    "a library called": Mistake('log("x")', 1, r"'log'", r"log\.info|log\.debug"),
    "args called": Mistake("args(1)", 1, r"'args'", r"args\[1\]"),
    "an argument nobody gave": Mistake('print("id: " .. args[1])', 1, r"nil value", r"#args is their number"),
    "row without --each": Mistake("print(row.name)", 1, r"'row'", r"--each FILE"),
    # -- modules
    "an error in a module's function": Mistake(
        'local m = require("module")\nm.total(nil)',
        3,
        r"'order'",
        r"total\(…\) was called without a value for order",
        "local M = {}\nfunction M.total(order)\n  local n = order.amount * 2\n  return n\nend\nreturn M",
        True,
    ),
    "a module that does not compile": Mistake(
        'local m = require("module")', 2, r"expected", r"~=", "local M = {}\nif M != nil then end\nreturn M", True
    ),
    "a tail call in a module": Mistake(
        'local m = require("module")\nlocal c = m.get("cus_none")',
        3,
        r"No such customer",
        r"one kind",
        "local M = {}\nfunction M.get(id)\n  return stripe.customers.retrieve(id)\nend\nreturn M",
        True,
    ),
    "a name that a module has not": Mistake(
        'local m = require("module")\nm.totl()',
        2,
        r"'totl'",
        r"m has no totl",
        "local M = {}\nfunction M.total() end\nreturn M",
    ),
}
