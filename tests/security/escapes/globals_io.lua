-- what: io has nothing that opens a file
-- source: Lua 5.1 manual, io
-- expect: ok
for _, name in ipairs { "open", "popen", "lines", "tmpfile", "output", "input", "close", "stdout", "stdin", "stderr" } do
  assert(io[name] == nil, name)
end
return "ok"
