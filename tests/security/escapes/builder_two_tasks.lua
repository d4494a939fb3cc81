-- what: one builder created by two tasks at once
-- source: docs/security.md, threat model
-- expect: ok
local b = new_product():name("x")
local results = {}
local function try_it(n) return function() results[n] = { pcall(b.create, b) } end end
parallel(try_it(1), try_it(2))
local made = (results[1][1] and 1 or 0) + (results[2][1] and 1 or 0)
assert(made == 1 or results[1][2] == results[2][2])
return "ok"
