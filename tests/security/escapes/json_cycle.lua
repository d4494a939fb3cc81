-- what: JSON of a table that contains itself
-- source: CWE-674
-- expect: ok
local t = {}
t[1] = t
assert(not pcall(json.encode, t))
local a, b = {}, {}
a.b, b.a = b, a
assert(not pcall(json.encode, a))
return "ok"
