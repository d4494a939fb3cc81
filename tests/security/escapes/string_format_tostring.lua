-- what: %s of an object whose __tostring gives megabytes, many times
-- source: docs/security.md, threat model
-- expect: limit
local big = setmetatable({}, { __tostring = function() return ("x"):rep(4000000) end })
return #string.format("%s%s%s%s", big, big, big, big)
