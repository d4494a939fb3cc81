-- what: assigning to a builder
-- source: docs/security.md, threat model
-- expect: ok
local b = new_product():name("x")
pcall(function() b.id = "forged" end)
pcall(function() b.create = function() return "forged" end end)
pcall(function() b.data = { id = "forged" } end)
assert(b:create() ~= "forged")
assert(b.id ~= "forged")
return "ok"
