-- what: a hundred thousand braces for the parser
-- source: LuaJIT, parser recursion
-- expect: ok
assert(loadstring("return " .. ("{"):rep(100000) .. ("}"):rep(100000)) == nil)
return "ok"
