-- what: names with ?, ;, % and spaces
-- source: Lua 5.1, package.path templates
-- expect: ok
for _, name in ipairs { "?", ";;", "a;b", "%", "a?b", " ", "", "a.lua", "nul\0", ("x"):rep(100000), "a\nb" } do
  assert(not pcall(require, name), name)
end
return "ok"
