-- what: inspect of cycles, metatables, odd keys
-- source: docs/security.md, threat model
-- expect: ok
local t = setmetatable({}, { __index = error, __pairs = error, __tostring = error, __len = error })
t.t, t[1], t[print], t[0 / 1] = t, t, t, t
assert(type(inspect(t)) == "string")
return "ok"
