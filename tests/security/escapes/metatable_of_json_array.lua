-- what: the mark of JSON lists turned against the encoder
-- source: docs/security.md, threat model
-- expect: ok
local list = json.array { 1 }
local meta = getmetatable(list)
if meta then
  pcall(function() meta.__index = function() return 1 end meta.__len = function() return 1e9 end end)
end
assert(json.encode(json.array { 1, 2 }) == "[1,2]")
return "ok"
