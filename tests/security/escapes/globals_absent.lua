-- what: everything by name that a sandbox must not have
-- source: Lua 5.1 manual; lua-users wiki, SandBoxes
-- expect: ok
for _, name in ipairs { "ffi", "jit", "python", "newproxy", "dofile", "loadfile", "module", "getfenv", "setfenv" } do
  assert(_G[name] == nil, name)
end
return "ok"
