-- what: thousands of arguments
-- source: docs/security.md, threat model
-- expect: ok
local args = {}
for i = 1, 7000 do args[i] = i end
local ok, out = pcall(string.format, ("%99d"):rep(7000), unpack(args))
assert(not ok or #out == 7000 * 99)
return "ok"
