"""What script writers get wrong with what the host has: APIs, tasks, libraries."""

from __future__ import annotations

from tests.run.mistake import Mistake

MISTAKES_OF_THE_HOST: dict[str, Mistake] = {
    # -- names of the API
    "a misspelt builder": Mistake('new_prodct():name("x"):create()', 1, r"new_prodct", r"new_product"),
    "a plural builder": Mistake('new_products():name("x"):create()', 1, r"new_products", r"new_product\b"),
    "a builder in camel case": Mistake('newProduct():name("x")', 1, r"newProduct", r"new_product"),
    "a misspelt parameter": Mistake('new_product():nmae("x")', 1, r"nmae", r"name"),
    "a parameter in camel case": Mistake(
        'new_product():statementDescriptor("x")', 1, r"statementDescriptor", r"statement_descriptor"
    ),
    "a parameter of another resource": Mistake('new_product():currency("usd")', 1, r"currency", r"default_price_data"),
    "a dot where a colon belongs": Mistake('new_product().name("x")', 1, r"name", r":name|colon"),
    "a colon where a dot belongs": Mistake(
        'stripe.products:create{name = "x"}', 1, r"create", r"dot|stripe\.products\.create"
    ),
    "a misspelt resource": Mistake("stripe.prodcts.list{}", 1, r"prodcts", r"products"),
    "a resource in the singular": Mistake("stripe.product.list{}", 1, r"product", r"write stripe\.products"),
    "a misspelt operation": Mistake('stripe.products.crate{name = "x"}', 1, r"crate", r"create"),
    "get of older libraries": Mistake('stripe.products.get("prod_1")', 1, r"get", r"retrieve"),
    "modify of older libraries": Mistake('stripe.products.modify("prod_1", {name = "x"})', 1, r"modify", r"update"),
    "del of older libraries": Mistake('stripe.products.del("prod_1")', 1, r"del", r"delete"),
    "all of older libraries": Mistake("stripe.products.all{}", 1, r"all", r"list"),
    "upcoming of older libraries": Mistake(
        'stripe.invoices.upcoming{customer = "cus_1"}', 1, r"upcoming", r"create_preview"
    ),
    "a class of the SDK for Python": Mistake('stripe.Product.create{name = "x"}', 1, r"Product", r"products"),
    "the API called as a function": Mistake('stripe("sk_test_1")', 1, r"stripe", r"STRIPE_SECRET_KEY"),
    "the key in the script": Mistake(
        'stripe.api_key = "sk_test_123456789"\nnew_product()', 1, r"stripe\.api_key", r"STRIPE_SECRET_KEY"
    ),
    # -- answers and pages
    "a page indexed as a list": Mistake(
        'for i = 1, 3 do stripe.products.create{name = "p" .. i} end\n'
        "local page = stripe.products.list{}\nprint(page.first.id)",
        3,
        r"first",
        r"inspect\(page\)",
    ),
    "a field that is not there": Mistake(
        'local p = stripe.products.create{name = "x"}\nprint(p.prices.data)', 2, r"prices", r"inspect\(p\)"
    ),
    "each called with a dot": Mistake(
        "local page = stripe.products.list{}\nfor p in page.each() do end", 2, r"each", r":each"
    ),
    "an answer changed and saved": Mistake(
        'local p = stripe.products.create{name = "x"}\np.name = "y"\np:save()', 3, r"save", r"update"
    ),
    # -- errors
    "error with nil": Mistake("error()", 1, r"nil|no message", r'error\("what'),
    "an assertion": Mistake('local ok = false\nassert(ok, "the total is wrong")', 2, r"the total is wrong", r""),
    "an assertion without a text": Mistake("assert(1 == 2)", 1, r"assert", r'assert\(value, "'),
    "pcall of a result": Mistake(
        'local ok, e = pcall(new_product():name("x"):create())\nassert(ok, e)', 2, r"call", r"pcall\(f, x\)"
    ),
    "try of a result": Mistake(
        'local p, e = try(stripe.products.retrieve("prod_none"))', 1, r"prod_none", r"one kind of object"
    ),
    "an error thrown away and used": Mistake(
        'local p = try(stripe.products.retrieve, "prod_none")\nprint(p.name)', 2, r"'p'|\bp\b", r"local p, err = try"
    ),
    # -- tasks
    "spawn of a result": Mistake("spawn(print(1))", 1, r"spawn", r"spawn\(f, x\)"),
    "parallel of results": Mistake("parallel(stripe.products.list{}, print)", 1, r"parallel", r"parallel\(function"),
    "map the other way round": Mistake("map(function(x) return x end, {1, 2})", 1, r"map", r"list comes first"),
    "map over nil": Mistake("local t\nmap(t, print)", 2, r"map", r"map\(list, function"),
    "map with a limit of 0": Mistake("map({1}, print, {limit = 0})", 1, r"limit", r"whole number from 1"),
    "sleep of a text": Mistake('sleep("a while")', 1, r"sleep", r"tonumber\(text\)"),
    "sleep of a negative time": Mistake("sleep(-1)", 1, r"sleep", r"from 0 to a year"),
    "with_timeout without a function": Mistake("with_timeout(5)", 1, r"with_timeout", r"give the function itself"),
    "an item of a map that fails": Mistake(
        'map({"a", "b"}, function(x)\n  if x == "b" then error("bad") end\nend)', 2, r"bad", r'item 2, "b"'
    ),
    # -- libraries without a grant
    "http without a grant": Mistake('http.get("https://example.com/")', 1, r"example\.com", r"--allow-net"),
    "fs without a grant": Mistake('fs.read("x.txt")', 1, r"x\.txt|fs\.read", r"--allow-read"),
    "sql without a grant": Mistake('sql.query("select 1")', 1, r"sql", r"--allow-sql"),
    "an environment variable without a grant": Mistake(
        'print("home: " .. env.HOME)', 1, r"concatenate.*HOME", r"--allow-env HOME"
    ),
    "graphql without an endpoint": Mistake('graphql_query("{ shop { name } }")', 1, r"graphql", r"GRAPHQL_ENDPOINT"),
    # -- limits
    "a loop without end": Mistake("while true do end", 1, r"ran for 0\.\d+ s without a call", r"check its condition"),
    "recursion without end": Mistake(
        "local function f() return 1 + f() end\nf()", 1, r"stack overflow", r"case in which it returns"
    ),
    # -- more of the API
    "the id of an id": Mistake(
        'local p = new_product():name("x"):create()\nnew_price():product(p.id)', 2, r"got nil", r"give p as the id"
    ),
    "the data of an id": Mistake(
        'local p = new_product():name("x"):create()\nprint(p.data.name)', 2, r"'data'", r"keep the builder"
    ),
    "the id before create": Mistake(
        'local p = new_product():name("x")\nnew_price():product(p.id)',
        2,
        r"product: expected a string, got a function",
        r"after its create\(\)",
    ),
    "a builder's field read": Mistake(
        'local p = new_product():name("x")\nprint(p.name .. "!")', 2, r"function value", r"p\.data"
    ),
    "arguments for a builder": Mistake(
        'new_product("x"):create()', 1, r"new_product\(\) takes no arguments", r":name\(value\)"
    ),
    "parameters for create": Mistake(
        'new_product():create{name = "x"}', 1, r"create\(\) takes no arguments", r":params\{"
    ),
    "an option among the parameters": Mistake(
        'stripe.products.create{name = "x", idempotency_key = "k"}',
        1,
        r"idempotency_key",
        r"request option.*:with\{idempotency_key",
    ),
    "update without an id": Mistake(
        'stripe.products.update{name = "x"}', 1, r"expected id first", r"update\(id, params"
    ),
    "a list of objects to create": Mistake(
        'stripe.products.create({{name = "a"}, {name = "b"}})', 1, r"a list of 2", r"create\(params, options\)"
    ),
    "offset for pages": Mistake("stripe.products.list{offset = 10}", 1, r'"offset"', r":each\(\)"),
    "a limit above the API's": Mistake(
        "stripe.products.list{limit = 1000}", 1, r"param limit", r"less than or equal to 100"
    ),
    "add_price of nothing": Mistake(
        "new_subscription():add_price()", 1, r"items needs a value: expected a value, got nil", r"print what was given"
    ),
    "a number for a word": Mistake("new_coupon():duration(5)", 1, r'got "?5', r'"once"'),
    "a price as a text with commas": Mistake('new_price():amount("1,299.00")', 1, r"1,299\.00", r"of digits alone"),
    "a share as a text": Mistake('new_coupon():percent_off("20%")', 1, r"20%", r"the number alone, such as 20"),
    "a number for a boolean": Mistake("new_product():active(1)", 1, r"got 1", r"value == 1"),
    "a number that is none": Mistake("new_price():amount(0/0)", 1, r"nan", r"dividing by 0"),
    "a search without quotes": Mistake(
        'stripe.customers.search{query = "email = x"}', 1, r"parse your search", r'email:"'
    ),
    "an operation used before it is called": Mistake(
        "for p in stripe.products.list:each() do end", 1, r"'list' \(a function", r"stripe\.products\.list\(…\)"
    ),
    "ipairs of a group of operations": Mistake(
        "for _, p in ipairs(stripe.products) do end", 1, r"userdata", r"list\{\}:each\(\)"
    ),
    "a setter for the key": Mistake('stripe.setApiKey("sk_test_x")', 1, r"setApiKey", r"STRIPE_SECRET_KEY"),
    "a method of another request": Mistake('stripe.request("GIT", "/v1/products")', 1, r'"GIT"', r"GET, HEAD, POST"),
    # -- calls that leave no frame of their function
    "a tail call of an operation": Mistake(
        'local function get(id)\n  return stripe.customers.retrieve(id)\nend\nprint(get("cus_none"))',
        2,
        r"No such customer",
        r"one kind of object",
    ),
    "a tail call of create": Mistake(
        'local function make()\n  return new_price()\n    :currency("usd")\n    :create()\nend\nlocal id = make()',
        4,
        r"product",
        r"product_data",
    ),
    "a tail call of a tail call": Mistake(
        "local function get(id)\n  return stripe.customers.retrieve(id)\nend\n"
        'local function find(id)\n  return get(id)\nend\nlocal c = find("cus_none")',
        2,
        r"No such customer",
        r"one kind",
    ),
    "a tail call of sql": Mistake(
        'local function rows(text)\n  return sql.query(text)\nend\nlocal r = rows("select 1")',
        2,
        r"no database",
        r"--allow-sql",
    ),
    "a tail call of http": Mistake(
        'local function page(url)\n  return http.get(url)\nend\nlocal r = page("https://example.com/")',
        2,
        r"example\.com",
        r"--allow-net",
    ),
    "a tail call of fs": Mistake(
        'local M = {}\nfunction M.text(path)\n  return fs.read(path)\nend\nlocal r = M.text("x.txt")',
        3,
        r"x\.txt",
        r"--allow-read",
    ),
    "a tail call of sleep": Mistake(
        'local function pause(x)\n  return sleep(x)\nend\npause("long")', 2, r"sleep expects", r"sleep\(0\.5\)"
    ),
    "a tail call of a library of Lua": Mistake(
        "local function add(t, x)\n  return table.insert(t, x, x)\nend\nlocal _ = add(1, {})",
        2,
        r"table expected, got number",
        r"value of argument 1",
    ),
    "an error after such a call": Mistake(
        "local function get(id)\n  return stripe.customers.retrieve(id)\nend\n"
        'local c = try(get, "cus_none")\nsleep("x")',
        5,
        r"sleep expects",
        r"sleep\(0\.5\)",
    ),
    # -- more of tasks and libraries
    "an item that lacks a field": Mistake(
        "map({{a = 1}, {}}, function(x)\n  return x.a + 1\nend)", 2, r"item 2", r"x has no a"
    ),
    "an item the API has not": Mistake(
        'map({"cus_1"}, function(id)\n  return stripe.customers.retrieve(id)\nend)', 2, r"item 1", r"one kind of object"
    ),
    "an option that map has not": Mistake("map({1}, print, {concurrency = 5})", 1, r'"concurrency"', r"it has limit"),
    "wait with a dot": Mistake("local t = spawn(function() end)\nt.wait()", 2, r"expects a task", r"t:wait\(\)"),
    "await of a task": Mistake("local t = spawn(function() end)\nt:await()", 2, r"'await'", r"task:wait\(\)"),
    "with_timeout the other way round": Mistake(
        "with_timeout(function() end, 5)", 1, r"expects seconds", r"seconds first"
    ),
    "a task that waits for itself": Mistake(
        "local t\nt = spawn(function() t:wait() end)\nt:wait()", 2, r"wait for itself", r"outside its function"
    ),
    "http with a colon": Mistake(
        'http:get("https://example.com")', 1, r"http\.get is called with a dot", r"write http\.get\("
    ),
    "http with a table": Mistake(
        'http.get({url = "https://example.com"})', 1, r"a URL is a string", r"http\.request\{"
    ),
    "an address without https": Mistake('http.get("example.com")', 1, r"'example\.com'", r"https://example\.com"),
    "an option http has not": Mistake('http.post("https://example.com", {jsn = {}})', 1, r"'jsn'", r'"json"'),
    "a table as a body": Mistake(
        'http.post("https://example.com", {body = {a = 1}})', 1, r"body is a table", r"json = \{"
    ),
    "fetch of browsers": Mistake('http.fetch("https://example.com")', 1, r"http\.fetch", r"http\.get\(url\)"),
    "fs.open": Mistake('fs.open("x")', 1, r"fs\.open", r"fs\.read\(path\)"),
    "fs.write without a text": Mistake('fs.write("x.txt")', 1, r"fs\.write expects", r"fs\.write\(path, text\)"),
    "sql with a colon": Mistake('sql:query("select 1")', 1, r"dot, not a colon", r"write sql\.query\("),
    "sql.exec": Mistake('sql.exec("select 1")', 1, r"sql\.exec", r"sql\.execute"),
    "a GraphQL client with a dot": Mistake(
        'local g = graphql{url = "https://example.com/graphql"}\ng.query("{a}")',
        2,
        r"GraphQL query is a string",
        r"client:query",
    ),
    "JSON.parse": Mistake('json.parse("{}")', 1, r"json\.parse", r"json\.decode\(text\)"),
    "json.dumps": Mistake("json.dumps({})", 1, r"json\.dumps", r"json\.encode\(value\)"),
    "JSON of nothing": Mistake('json.decode("")', 1, r"json\.decode", r"empty string"),
    "json of a circle": Mistake("local t = {}\nt.t = t\njson.encode(t)", 3, r"contains itself", r"remove the field"),
    "json of a mixed table": Mistake("json.encode({1, a = 2})", 1, r"neither a list nor a map", r"string keys only"),
    "env assigned to": Mistake("env.X = 1", 1, r"env cannot be assigned", r"local name = value"),
}
