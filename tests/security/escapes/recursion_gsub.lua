-- what: recursion through gsub and sort callbacks, C's own stack
-- source: Redis CVE-2021-32626
-- expect: ok
local function f() return (("x"):gsub("x", f)) end
assert(not pcall(f))
local function g() table.sort({ 2, 1 }, g) end
assert(not pcall(g))
return "ok"
