-- what: coroutines resuming coroutines until C's stack would end
-- source: Redis CVE-2021-32626; LuaJIT, LUAI_MAXCCALLS
-- expect: limit
local function deeper(n) return coroutine.wrap(function() return deeper(n + 1) end)() end
local ok, message = pcall(deeper, 1)
while true do pcall(deeper, 1) end
