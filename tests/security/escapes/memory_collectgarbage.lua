-- what: stopping or starving the collector
-- source: Lua 5.1 manual, collectgarbage
-- expect: ok
for _, what in ipairs { "stop", "setpause", "setstepmul", "step", "collect", "restart" } do
  collectgarbage(what, 1e9)
end
local text
for n = 1, 20000 do text = ("x"):rep(4000) .. n end -- 80 MB of garbage under a limit of 32
for _, what in ipairs { "generational", "", "stop ", 1, {} } do assert(not pcall(collectgarbage, what), what) end
assert(type(collectgarbage("count")) == "number")
return "ok"
