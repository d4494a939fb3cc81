-- what: the metatable of a namespace
-- source: docs/security.md, threat model
-- expect: ok
local meta = getmetatable(stripe)
assert(not meta or meta == false)
pcall(setmetatable, stripe, {})
pcall(function() stripe.products = nil end)
pcall(rawset, stripe, "products", nil)
assert(new_product():name("x"):create())
return "ok"
