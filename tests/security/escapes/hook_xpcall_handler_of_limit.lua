-- what: the handler of the limit's own error loops
-- source: LuaJIT, xpcall handlers run before unwinding
-- expect: limit
xpcall(function() while true do end end, function() while true do end end)
while true do xpcall(function() while true do end end, function() while true do end end) end
