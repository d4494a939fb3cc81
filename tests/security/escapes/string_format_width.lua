-- what: widths the C library would honour
-- source: Lua 5.1, "invalid format (width or precision too long)"
-- expect: ok
for _, f in ipairs { "%99999d", "%999999999s", "%.99999f", "%2147483647d", "%-0000000000000000000099999d", "%1000000000.1000000000f" } do
  assert(not pcall(string.format, f, 1), f)
end
return "ok"
