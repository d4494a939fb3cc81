-- what: a bytecode file beside the script
-- source: LuaJIT, require of .lua files that hold bytecode
-- expect: ok
local ok, err = pcall(require, "bytecode")
assert(not ok)
return "ok"
