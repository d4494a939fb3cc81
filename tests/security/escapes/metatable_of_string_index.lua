-- what: string methods replaced for the host's code
-- source: Redis CVE-2025-46818
-- expect: ok
assert(not pcall(function() getmetatable("").__index = function() return error end end))
assert(("x"):upper() == "X")
return "ok"
