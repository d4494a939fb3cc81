-- what: C recursion through captures and options
-- source: Lua 5.1.2, "pattern too complex"
-- expect: ok
for _, p in ipairs { ("a?"):rep(5000), ("(a"):rep(5000), ("()"):rep(40), ("a-"):rep(300), ("%f[a]"):rep(1000) } do
  pcall(string.find, ("a"):rep(1000), p)
end
return "ok"
