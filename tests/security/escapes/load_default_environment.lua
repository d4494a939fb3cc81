-- what: chunks made by load live in the script's globals
-- source: lua-users wiki, SandBoxes
-- expect: ok
assert(load("return _G")() == _G)
assert(load("return debug")() == debug)
assert(loadstring("return python")() == nil)
return "ok"
