-- what: a builder has no Python attributes
-- source: docs/security.md, threat model
-- expect: ok
local b = new_product()
for _, name in ipairs { "__class__", "__dict__", "__init__", "__globals__", "__reduce__", "__subclasshook__" } do
  local ok, value = pcall(function() return b[name] end)
  assert(not ok or value == nil, name)
end
return "ok"
