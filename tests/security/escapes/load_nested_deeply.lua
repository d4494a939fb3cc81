-- what: a hundred thousand parentheses for the parser
-- source: LuaJIT, "chunk has too many syntax levels"
-- expect: ok
local f, message = loadstring("return " .. ("("):rep(100000) .. "1" .. (")"):rep(100000))
assert(f == nil and message)
return "ok"
