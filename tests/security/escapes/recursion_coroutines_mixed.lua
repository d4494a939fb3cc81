-- what: each coroutine fills C's stack by another way
-- source: LuaJIT has no guard of C's stack in coroutine.resume
-- expect: any
-- memory: 256
-- lua_time: 1
local function down()
  local t
  t = setmetatable({}, { __tostring = function() local s = tostring(t) return s end })
  pcall(tostring, t)
  pcall(function() local function f() return (("x"):gsub("x", f)) end return f() end)
  pcall(function() local function f() table.sort({ 2, 1 }, f) return 1 end return f() end)
  local value = coroutine.wrap(down)()
  return value
end
pcall(down)
