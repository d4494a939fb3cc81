-- what: a name of megabytes
-- source: docs/security.md, threat model
-- expect: ok
pcall(function() return new_product():name(("x"):rep(4000000)):create() end)
return "ok"
