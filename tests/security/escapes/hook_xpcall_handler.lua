-- what: an endless loop inside an error handler
-- source: LuaJIT, xpcall handlers run before unwinding
-- expect: limit
xpcall(function() error("x") end, function() while true do end end)
