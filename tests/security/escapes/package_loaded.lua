-- what: modules through package.loaded and require
-- source: lua-users wiki, SandBoxes
-- expect: ok
for _, name in ipairs { "os", "io", "debug", "package", "string", "table", "math", "bit", "coroutine", "_G" } do
  assert(require(name) == _G[name] and package.loaded[name] == _G[name], name)
end
for _, name in ipairs { "ffi", "jit", "jit.util", "jit.opt", "python", "string.buffer", "table.new", "table.clear", "host", "core", "error", "load" } do
  assert(package.loaded[name] == nil, name)
  local ok, value = pcall(require, name)
  assert(not ok, name)
end
assert(os.execute == nil and io.open == nil and string.dump == nil and debug.getregistry == nil)
assert(getmetatable(package.loaded) == nil and not pcall(setmetatable, package.loaded, {}))
for _, name in ipairs { "loadlib", "loaders", "searchers", "searchpath", "seeall" } do assert(package[name] == nil, name) end
return "ok"
