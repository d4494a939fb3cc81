-- what: functions, coroutines and userdata as parameters
-- source: docs/security.md, threat model
-- expect: ok
for _, value in ipairs { print, coroutine.create(print), new_product(), env, spawn(function() end) } do
  assert(not pcall(function() return new_product():name(value) end))
  assert(not pcall(stripe.products.create, { name = value }))
  assert(not pcall(stripe.products.retrieve, value))
  assert(not pcall(json.encode, value))
end
return "ok"
