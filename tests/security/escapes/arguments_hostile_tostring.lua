-- what: objects with __tostring where text is expected
-- source: docs/security.md, threat model
-- expect: ok
local odd = setmetatable({}, { __tostring = function() return "admin" end, __concat = function() return "x" end })
assert(not pcall(function() return new_product():name(odd) end))
assert(not pcall(stripe.products.retrieve, odd))
return "ok"
