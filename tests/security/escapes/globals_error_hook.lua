-- what: globals the host might call back
-- source: lua-users wiki, SandBoxes
-- expect: ok
_PROMPT, _ALERT, _ERRORMESSAGE, __index, __newindex = 1, 1, error, error, error
setmetatable({}, { __index = _G })
assert(new_product():name("x"):create())
return "ok"
