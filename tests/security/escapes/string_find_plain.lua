-- what: plain search, quadratic in C
-- source: docs/security.md, threat model
-- expect: limit
local s = ("a"):rep(7000000)
while true do s:find(("a"):rep(3000000) .. "b", 1, true) end
