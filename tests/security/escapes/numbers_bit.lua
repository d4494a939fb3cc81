-- what: bit operations with numbers past their range
-- source: Redis CVE-2024-31449
-- expect: ok
for _, f in pairs(bit) do
  for _, value in ipairs { -2 ^ 31, 2 ^ 31, 2 ^ 53, 1e300, 0 / 0, 1 / 0, "x", {} } do
    pcall(f, value)
    pcall(f, 1, value)
    pcall(f, value, value)
  end
end
return "ok"
