-- what: the script's value has metamethods
-- source: docs/security.md, threat model
-- expect: ok
return setmetatable({ "ok" }, { __index = error, __len = error, __pairs = error, __tostring = error })[1]
