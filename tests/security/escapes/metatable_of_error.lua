-- what: the metatable of the host's errors
-- source: docs/security.md, threat model
-- expect: ok
local ok, err = pcall(stripe.products.retrieve, "prod_none")
assert(not ok and not getmetatable(err))
assert(not pcall(setmetatable, err, {}))
return "ok"
