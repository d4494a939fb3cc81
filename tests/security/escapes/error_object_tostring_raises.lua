-- what: the error's own __tostring raises
-- source: kikito/lua-sandbox; Splash error objects
-- expect: error
error(setmetatable({}, { __tostring = function() error("again") end }))
