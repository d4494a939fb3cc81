-- what: graphql without an endpoint or to one of the script's own
-- source: docs/security.md, threat model
-- expect: ok
assert(not pcall(function() return graphql_query("{ x }") end))
assert(not pcall(function() return graphql { url = "http://127.0.0.1:1/" }:query("{ x }") end))
return "ok"
