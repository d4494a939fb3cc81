-- what: the FFI by require
-- source: LuaJIT, FFI library
-- expect: ok
assert(not pcall(require, "ffi"))
assert(ffi == nil)
return "ok"
