-- what: unpack over ranges that overflow
-- source: Redis CVE-2025-46817
-- expect: ok
for _, range in ipairs { { 1, 1e9 }, { -1, 2 ^ 31 - 1 }, { -2 ^ 31, 2 ^ 31 - 1 }, { 0, 2 ^ 31 - 1 }, { 1, 2 ^ 53 }, { 1, 1e6 } } do
  pcall(function() assert(select("#", unpack({}, range[1], range[2])) < 10000000) end)
end
return "ok"
