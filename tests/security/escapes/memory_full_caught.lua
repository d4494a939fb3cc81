-- what: memory filled and kept, each error caught, for ever
-- source: docs/security.md, threat model
-- expect: limit
local t = {}
local function f() while true do t[#t + 1] = {} end end
while true do pcall(f) end
