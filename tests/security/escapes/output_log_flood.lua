-- what: log lines without end
-- source: docs/security.md, threat model
-- expect: limit
while true do log.info(("x"):rep(10000)) end
