-- what: 64-bit literals make cdata even without the FFI's table
-- source: LuaJIT, FFI 64-bit literals
-- expect: ok
local f = loadstring("return 1LL")
local value = f and f()
if value then
  assert(tostring(value):find("^1"))
  assert(not pcall(function() return value.x end))
  local ok, err = pcall(function() return new_product():name(value):create() end)
  assert(ok or type(err) == "table" or type(err) == "string")
end
return "ok"
