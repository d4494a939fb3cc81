-- what: newproxy gives a finalizer no hook stops
-- source: CVE-2020-15890 (LuaJIT, __gc handlers); lua-users wiki
-- expect: error
local p = newproxy(true)
getmetatable(p).__gc = function() while true do end end
