-- what: an endless loop in a coroutine
-- source: lua-users wiki, SandBoxes; LuaJIT hooks
-- expect: limit
coroutine.wrap(function() while true do end end)()
