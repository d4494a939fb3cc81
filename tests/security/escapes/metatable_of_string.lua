-- what: the metatable all strings share
-- source: lua-users wiki, SandBoxes
-- expect: ok
local meta = getmetatable("")
assert(meta == nil or meta == false)
return "ok"
