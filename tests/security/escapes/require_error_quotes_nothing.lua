-- what: a file that is no Lua is not quoted in the error
-- source: CWE-209
-- expect: ok
local ok, err = pcall(require, "not_lua")
assert(not ok and not tostring(err):find("root:x:0:0", 1, true), tostring(err))
return "ok"
