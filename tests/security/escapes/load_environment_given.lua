-- what: an environment of one's own gives nothing more
-- source: lua-users wiki, SandBoxes
-- expect: ok
local f = load("return os, _G, print", "x", "t", {})
local a, b, c = f()
assert(a == nil and b == nil and c == nil)
return "ok"
