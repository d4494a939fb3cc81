-- what: rawget and rawset on a builder
-- source: docs/security.md, threat model
-- expect: ok
local b = new_product()
assert(not pcall(rawget, b, "create"))
assert(not pcall(rawset, b, "create", 1))
assert(not pcall(next, b))
return "ok"
