-- what: concat over ranges that overflow
-- source: Lua 5.1, table.concat
-- expect: ok
for _, range in ipairs { { 1, 2 ^ 31 }, { -2 ^ 31, 2 ^ 31 - 1 }, { 1, 2 ^ 53 }, { 0 / 0, 1 / 0 }, { -1 / 0, 1 } } do
  pcall(table.concat, {}, "", range[1], range[2])
  pcall(table.concat, { [2 ^ 31 - 1] = "x" }, "", 2 ^ 31 - 1, 2 ^ 31 - 1)
end
return "ok"
