-- what: coroutines in coroutines with memory to spare
-- source: LuaJIT has no guard of C's stack in coroutine.resume
-- expect: ok
-- memory: 256
-- lua_time: 30
local function deeper() local value = coroutine.wrap(deeper)() return value end
assert(not pcall(deeper))
local function resumed() return select(2, coroutine.resume(coroutine.create(resumed))) end
pcall(resumed)
return "ok"
