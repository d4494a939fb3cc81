-- what: as_attrgetter turns items into attributes
-- source: lupa README, "Lua Tables"
-- expect: ok
assert(as_attrgetter == nil and as_itemgetter == nil and as_function == nil)
local ok = pcall(function() return python.as_attrgetter(print).__globals__ end)
assert(not ok)
return "ok"
