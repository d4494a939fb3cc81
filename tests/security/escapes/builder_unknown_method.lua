-- what: names of Lua's and Python's own as methods
-- source: docs: builders
-- expect: ok
for _, name in ipairs { "__index", "__gc", "__metatable", "parts", "tag", "env", "params", "self", "nothing", "", " ", ("x"):rep(10000) } do
  pcall(function() return new_product()[name] end)
  pcall(function() return new_product()[name](new_product(), "x") end)
end
return "ok"
