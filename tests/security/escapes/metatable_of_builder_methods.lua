-- what: a builder's methods called on other things
-- source: docs/security.md, threat model
-- expect: ok
local create = new_product().create
for _, self in ipairs { 1, "x", {}, print, STRIPE_API_KEY, env, setmetatable({}, { __index = new_product() }) } do
  assert(not pcall(create, self))
end
assert(not pcall(create))
assert(not pcall(create, nil))
return "ok"
