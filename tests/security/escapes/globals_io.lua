-- what: io has nothing that opens a file
-- source: Lua 5.1 manual, io
-- expect: ok
for _, name in ipairs { "open", "popen", "lines", "tmpfile", "output", "input", "close", "stdin", "stderr" } do
  assert(io[name] == nil, name)
end
local out = {}
for name, value in pairs(io.stdout) do
  assert(type(value) == "function")
  out[#out + 1] = name
end
table.sort(out)
assert(table.concat(out, " ") == "flush setvbuf write" and getmetatable(io.stdout) == nil)
return "ok"
