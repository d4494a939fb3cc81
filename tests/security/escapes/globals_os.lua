-- what: os has nothing that touches the system
-- source: Lua 5.1 manual, os
-- expect: ok
for _, name in ipairs { "execute", "remove", "rename", "tmpname", "setlocale" } do assert(os[name] == nil, name) end
return "ok"
