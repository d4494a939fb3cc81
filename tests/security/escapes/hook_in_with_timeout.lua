-- what: with_timeout does not excuse a loop that never waits
-- source: docs/security.md, threat model
-- expect: limit
with_timeout(0.05, function() while true do end end)
