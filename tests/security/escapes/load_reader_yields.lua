-- what: a reader function that makes a call
-- source: Lua 5.1: attempt to yield across C-call boundary
-- expect: ok
local n = 0
local f = load(function()
  n = n + 1
  if n > 3 then return nil end
  sleep(0)
  return " "
end)
assert(f == nil or type(f) == "function")
return "ok"
