-- what: string.char of everything unpack can give
-- source: Redis CVE-2025-46817
-- expect: ok
local t = {}
for i = 1, 100000 do t[i] = 65 end
pcall(function() return string.char(unpack(t)) end)
return "ok"
