-- what: the metatable of the opaque key
-- source: docs/security.md, threat model
-- expect: ok
assert(not getmetatable(STRIPE_API_KEY))
assert(not pcall(setmetatable, STRIPE_API_KEY, {}))
assert(not pcall(rawget, STRIPE_API_KEY, "parts"))
assert(STRIPE_API_KEY.parts == nil and STRIPE_API_KEY.value == nil and STRIPE_API_KEY.tag == nil)
return "ok"
