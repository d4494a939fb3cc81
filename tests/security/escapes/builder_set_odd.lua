-- what: computed names that are no names
-- source: docs: :set
-- expect: ok
for _, name in ipairs { "", " ", "a[b]", "a[b][]", "name\0", "name\r\n", "=", "&x=", ("x"):rep(100000), "__class__" } do
  local ok = pcall(function() return new_product():name("x"):set(name, "y"):create() end)
  assert(not ok, name)
end
return "ok"
