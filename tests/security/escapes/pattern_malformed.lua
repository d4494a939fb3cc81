-- what: malformed patterns of every kind
-- source: Lua 5.1 manual, patterns
-- expect: ok
for _, p in ipairs { "%", "[", "[^", "[a", "[%", "(", "(a", ")", "%b", "%bx", "%f", "%1", "%0", "(()", "[]", "[^]", "[a-", "%f[" } do
  pcall(string.find, "a)", p)
  pcall(string.gsub, "a)", p, "%1")
  pcall(function() for _ in ("a)"):gmatch(p) do end end)
end
return "ok"
