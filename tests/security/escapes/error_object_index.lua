-- what: hostile __index on an error the host reads
-- source: Splash error objects
-- expect: error
error(setmetatable({}, { __index = function() while true do end end }))
