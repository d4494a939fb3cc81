-- what: json.null is one value for all
-- source: docs/security.md, threat model
-- expect: ok
assert(not getmetatable(json.null))
pcall(function() json.null.x = 1 end)
pcall(rawset, json.null, "x", 1)
assert(json.encode({ a = json.null }) == '{"a":null}')
return "ok"
