-- what: many calls each small enough to be let through
-- source: docs/security.md, threat model
-- expect: limit
while true do (("a"):rep(60)):find("a*a*a*b") end
