-- what: stopping or starving the collector
-- source: Lua 5.1 manual, collectgarbage
-- expect: ok
for _, what in ipairs { "stop", "setpause", "setstepmul", "step", "collect", "restart" } do
  local ok = pcall(collectgarbage, what, 1e9)
  assert(not ok, what)
end
assert(type(collectgarbage("count")) == "number")
return "ok"
