-- what: print without end
-- source: Splash; docs/security.md, threat model
-- expect: limit
while true do print(("x"):rep(1000)) end
