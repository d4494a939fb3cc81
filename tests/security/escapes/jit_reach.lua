-- what: jit.on turns the compiler back on, past the hooks
-- source: LuaJIT, jit library
-- expect: error
jit.on()
