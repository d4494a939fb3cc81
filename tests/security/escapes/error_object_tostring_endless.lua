-- what: the error's own __tostring never ends
-- source: Splash error objects
-- expect: limit
error(setmetatable({}, { __tostring = function() while true do end end }))
