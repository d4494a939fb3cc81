-- what: the metatable of builders
-- source: docs/security.md, threat model
-- expect: ok
local b = new_product()
assert(type(b) == "userdata")
assert(not getmetatable(b))
assert(not pcall(setmetatable, b, {}))
return "ok"
