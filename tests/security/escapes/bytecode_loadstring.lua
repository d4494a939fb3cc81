-- what: loadstring of a precompiled chunk
-- source: Redis CVE-2015-4335
-- expect: ok
local f = loadstring("\27Lua\81\0\1\4\4\4\8\0")
assert(f == nil)
return "ok"
