-- what: a coroutine that resumes itself
-- source: Lua 5.1 manual, coroutine.resume
-- expect: ok
local co
co = coroutine.create(function() return coroutine.resume(co) end)
local ok, inner = coroutine.resume(co)
assert(ok and inner == false)
return "ok"
