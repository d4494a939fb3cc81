-- what: map with hostile lists and limits
-- source: docs/security.md, threat model
-- expect: ok
for _, options in ipairs { { limit = 0 }, { limit = -1 }, { limit = 1 / 0 }, { limit = 0 / 0 }, { limit = "x" }, { limit = {} }, 5 } do
  pcall(map, { 1, 2, 3 }, function(x) return x end, options)
end
pcall(map, setmetatable({}, { __len = function() return 1e9 end, __index = function() return 1 end }), function(x) return x end)
pcall(map, 5, print)
pcall(map, {}, 5)
return "ok"
