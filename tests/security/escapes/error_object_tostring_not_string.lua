-- what: the error's own __tostring gives a table
-- source: Lua 5.1, "'tostring' must return a string"
-- expect: error
error(setmetatable({}, { __tostring = function() return {} end }))
