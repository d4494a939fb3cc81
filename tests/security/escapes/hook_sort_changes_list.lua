-- what: a comparison that empties the list while it is sorted
-- source: lua-l: table.sort in sandboxes
-- expect: ok
local t = {}
for i = 1, 100 do t[i] = (i * 7919) % 100 end
pcall(table.sort, t, function(a, b) for i = 1, 100 do t[i] = nil end return a < b end)
return "ok"
