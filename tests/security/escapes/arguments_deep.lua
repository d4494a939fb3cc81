-- what: a table a hundred thousand levels deep
-- source: docs/security.md, threat model
-- expect: ok
local t = {}
local inner = t
for _ = 1, 100000 do inner.metadata = {} inner = inner.metadata end
assert(not pcall(stripe.products.create, t))
assert(not pcall(json.encode, t))
return "ok"
