-- what: Python's own names as parameters and operations
-- source: docs/security.md, threat model
-- expect: ok
for _, name in ipairs { "self", "__class__", "__init__", "mro", "__dict__", "kwargs", "api_key", "Authorization", "headers" } do
  local ok, err = pcall(stripe.products.create, { name = "x", [name] = "y" })
  assert(not ok, name)
  local good, value = pcall(function() return stripe[name] end)
  assert(not good or value == nil or type(value) ~= "function", name)
end
return "ok"
