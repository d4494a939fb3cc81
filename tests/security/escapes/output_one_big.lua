-- what: one print larger than the output limit
-- source: docs/security.md, threat model
-- expect: limit
print(("x"):rep(7000000))
