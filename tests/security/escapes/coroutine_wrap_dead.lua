-- what: a wrap called after its end
-- source: Lua 5.1 manual, coroutine.wrap
-- expect: ok
local f = coroutine.wrap(function() end)
f()
assert(not pcall(f))
return "ok"
