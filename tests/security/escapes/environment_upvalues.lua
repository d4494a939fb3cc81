-- what: upvalues of host functions
-- source: Lua 5.1 manual, debug
-- expect: error
return debug.getupvalue(print, 1)
