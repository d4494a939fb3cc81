-- what: keys added while the table is walked
-- source: Lua 5.1, "invalid key to 'next'"
-- expect: ok
local t = { a = 1 }
pcall(function() for k in pairs(t) do t[k .. "x"] = 1 if #k > 1000 then break end end end)
return "ok"
