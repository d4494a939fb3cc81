-- what: results just under the limit, for ever
-- source: docs/security.md, threat model
-- expect: limit
while true do local s = ("x"):rep(7e6) end
