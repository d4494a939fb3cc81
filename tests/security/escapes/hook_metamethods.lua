-- what: endless metamethods of every kind
-- source: Lua 5.1 manual, metamethods
-- expect: limit
local loop = function() while true do end end
local t = setmetatable({}, { __index = loop, __newindex = loop, __call = loop, __add = loop, __concat = loop, __eq = loop, __lt = loop, __unm = loop })
pcall(function() return t.x end)
pcall(function() t.x = 1 end)
pcall(function() return t + 1 end)
pcall(function() return t .. "" end)
t()
