-- what: long C calls in a short loop
-- source: docs/security.md, threat model
-- expect: limit
local s = ("x"):rep(7000000)
while true do s:upper() end
