-- what: the output limit is caught and ignored
-- source: docs/security.md, threat model
-- expect: limit
while true do pcall(print, ("x"):rep(1000)) end
