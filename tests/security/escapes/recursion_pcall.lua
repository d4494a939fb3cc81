-- what: recursion through pcall
-- source: CVE-2024-25178 (LuaJIT, stack-overflow handler)
-- expect: ok
-- lua_time: 30
local function f() return pcall(f) end
f()
local function g() pcall(g) return 1 end
pcall(g)
return "ok"
