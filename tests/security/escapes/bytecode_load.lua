-- what: load of a precompiled chunk
-- source: Redis CVE-2015-4335; corsix, "Exploiting Lua 5.1"
-- expect: ok
local f, message = load("\27LJ\2\2\0")
assert(f == nil and message:find("precompiled", 1, true), message)
return "ok"
