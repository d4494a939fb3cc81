-- what: modules through package.loaded
-- source: lua-users wiki, SandBoxes
-- expect: ok
assert(package == nil)
for _, name in ipairs { "os", "io", "debug", "ffi", "jit", "jit.util", "package", "python", "string.buffer", "table.new", "bit", "_G" } do
  local ok, value = pcall(require, name)
  assert(not ok, name)
end
return "ok"
