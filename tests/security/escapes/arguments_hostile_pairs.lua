-- what: __pairs, __index, __len and __next on parameters
-- source: docs/security.md, threat model
-- expect: ok
local meta = {
  __pairs = function() return function() return "name", "x" end end,
  __index = function(_, k) return k end,
  __len = function() return 1e9 end,
  __next = function() return "name", "x" end,
  __ipairs = function() return function() return 1, 1 end end,
}
pcall(stripe.products.create, setmetatable({ name = "x" }, meta))
pcall(stripe.products.list, setmetatable({}, meta))
pcall(json.encode, setmetatable({}, meta))
pcall(inspect, setmetatable({}, meta))
return "ok"
