-- what: functions, variables and the host's own files through debug.getinfo
-- source: Lua 5.1 manual, debug.getinfo
-- expect: ok
local MAY = { source = "string", short_src = "string", what = "string", currentline = "number", linedefined = "number",
  lastlinedefined = "number", name = "string", namewhat = "string" }
local function look(info)
  for key, value in pairs(info) do assert(MAY[key] == type(value), key) end
  assert(getmetatable(info) == nil)
  return info
end
for level = 0, 50 do
  local info = debug.getinfo(level)
  if info then
    look(info)
    assert(info.source == "=[C]" or info.source:find("debug_getinfo.lua", 1, true), info.source)
  end
end
local function inside() for level = 0, 50 do local info = debug.getinfo(level, "Slnuf") if info then look(info) end end end
pcall(inside) xpcall(inside, inside) table.sort({ 3, 2, 1 }, function(a, b) inside() return a < b end)
local _ = (("x"):gsub("x", inside)) map({ 1 }, inside) spawn(inside):wait() coroutine.wrap(inside)()
_ = setmetatable({}, { __index = function() inside() end }).x
for _, fn in ipairs { print, pcall, require, debug.getinfo, string.rep, map, tostring, new_product, json.encode, stripe.products.create, error } do
  local info = look(debug.getinfo(fn))
  assert(info.what == "C" and info.source == "=[C]" and info.short_src == "[C]" and info.linedefined == -1)
end
for _, given in ipairs { { print, ">S" }, { 1, "x" }, { 1, {} }, { {} }, { "1" }, {}, { true, "S" }, { setmetatable({}, { __index = print }) } } do
  assert(not pcall(debug.getinfo, unpack(given)))
end
for _, level in ipairs { -1, 1e9, 2 ^ 53, 1 / 0, 0 / 0, 1000, -1 / 0 } do assert(debug.getinfo(level) == nil) end
assert(debug.getinfo(1, "f").func == nil and debug.getinfo(1, "L").activelines == nil)
return "ok"
