-- what: a cyclic table as parameters
-- source: docs/security.md, threat model
-- expect: ok
local t = {}
t.metadata = t
local ok, err = pcall(stripe.products.create, t)
assert(not ok and err.kind == "invalid", tostring(err))
local b = new_product()
local m = {}
m.x = m
assert(not pcall(function() b:metadata(m):create() end))
return "ok"
