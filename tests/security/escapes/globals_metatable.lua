-- what: the globals' own metatable is not available
-- source: Redis CVE-2022-24735
-- expect: ok
local meta = getmetatable(_G)
assert(meta == nil or meta == false)
assert(not pcall(setmetatable, _G, {}))
return "ok"
