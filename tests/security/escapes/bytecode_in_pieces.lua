-- what: the mark of bytecode spread over a reader function's pieces
-- source: lua-users wiki, SandBoxes
-- expect: ok
local pieces = { "", "\27", "LJ\2\2\0" }
local i = 1
local f = load(function() i = i + 1 return pieces[i] end)
assert(f == nil)
return "ok"
