-- what: letters C's printf knows and Lua must not pass on
-- source: Lua 5.1 manual, string.format
-- expect: ok
for _, f in ipairs { "%n", "%hhn", "%ln", "%*d", "%1$s", "%ls", "%p%n", "%y", "%", "%5" } do
  pcall(string.format, f, 1, 2, 3)
end
assert(not pcall(string.format, "%n", 1) and not pcall(string.format, "%*d", 1, 2))
return "ok"
