-- what: constants and addresses of functions
-- source: LuaJIT, jit.util
-- expect: error
return jit.util.funck(print, 1)
