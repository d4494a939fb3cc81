-- what: an endless __tostring
-- source: lua-l 2011-02 on tostring
-- expect: limit
print(setmetatable({}, { __tostring = function() while true do end end }))
