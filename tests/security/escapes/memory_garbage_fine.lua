-- what: much garbage that is let go is no offence
-- source: docs/security.md, threat model
-- expect: ok
-- lua_time: 30
local s
for i = 1, 2000 do s = ("x"):rep(100000) .. i end
assert(#s == 100004)
return "ok"
