-- what: recursion through load
-- source: lua-l: recursive load
-- expect: limit
local code = "return loadstring(code)()"
_G.code = code
pcall(loadstring(code))
