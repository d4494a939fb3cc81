-- what: recursion through __index functions and __tostring
-- source: CVE-2024-25178
-- expect: ok
local t
t = setmetatable({}, { __index = function(_, k) local v = t[k] return v end, __tostring = function() local s = tostring(t) return s end })
assert(not pcall(function() local v = t.x return v end))
assert(not pcall(tostring, t))
return "ok"
