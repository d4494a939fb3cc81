-- what: formats strftime does not know, and huge times
-- source: LuaJIT, os.date
-- expect: ok
for _, f in ipairs { "%", "%E", "%Q", "%O", "%+", "%k", ("%c"):rep(1000), "!%c", "*t", "!*t", "%\0", "%p" } do pcall(os.date, f, 0) end
for _, at in ipairs { 1e300, -1e300, 0 / 0, 1 / 0, 2 ^ 53, -2 ^ 53, 2 ^ 31 } do
  pcall(os.date, "%c", at)
  pcall(os.date, "*t", at)
end
return "ok"
