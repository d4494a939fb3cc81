-- what: an __index chain of ten thousand tables
-- source: LuaJIT, LJ_MAX_IDXCHAIN
-- expect: ok
local t = {}
for _ = 1, 10000 do t = setmetatable({}, { __index = t }) end
local ok, message = pcall(function() return t.x end)
assert(ok or tostring(message):find("loop"))
return "ok"
