-- what: metatables of numbers, booleans, nil, functions
-- source: Redis CVE-2025-46818
-- expect: ok
for _, value in ipairs { 1, true, print } do
  assert(not getmetatable(value))
  assert(not pcall(setmetatable, value, {}))
end
assert(not pcall(setmetatable, nil, {}))
return "ok"
