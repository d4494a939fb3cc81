-- what: places that C cuts to whole numbers, and to 32 bits, so that a result is measured by others than it is made of
-- source: own finding: table.concat(t, "", -0.5, 5) made a string of twice the limit
-- expect: ok
local part = ("x"):rep(3e6)
local list = {}
for i = 0, 9 do list[i], list[i - 2^31] = part, part end
for _, places in ipairs { { -0.5, 5 }, { 0.9, 5.9 }, { -1e300, 5 - 2^31 }, { 1e300, 5 - 2^31 }, { 0/0, 5 - 2^31 }, { "-0.5", "5" } } do
  local ok, made = pcall(table.concat, list, "", places[1], places[2])
  assert(not ok and tostring(made):find("string limit"), tostring(made):sub(1, 100))
end
for _, count in ipairs { 3, 2^32 + 3, 3.9, "3" } do
  local ok, made = pcall(string.rep, part, count)
  assert(not ok and tostring(made):find("string limit"), tostring(made):sub(1, 100))
end
assert(table.concat({ 1, 2, 3 }, ",", 1.7, 2.9) == "1,2" and table.concat({ 1, 2, 3 }, ",", "2") == "2,3")
return "ok"
