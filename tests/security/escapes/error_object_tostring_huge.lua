-- what: the error's own __tostring gives megabytes
-- source: docs/security.md, threat model
-- expect: error
error(setmetatable({}, { __tostring = function() return ("x"):rep(7000000) end }))
