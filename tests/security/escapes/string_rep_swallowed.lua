-- what: catching the limit and trying again for ever
-- source: docs/security.md, threat model
-- expect: limit
while true do pcall(string.rep, "x", 1e9) end
