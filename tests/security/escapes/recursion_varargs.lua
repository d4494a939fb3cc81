-- what: varargs grown at each level
-- source: Redis CVE-2021-32626
-- expect: ok
local function f(...) return f(1, 2, 3, 4, 5, 6, 7, 8, ...) + 1 end
assert(not pcall(f))
return "ok"
