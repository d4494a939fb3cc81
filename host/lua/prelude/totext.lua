-- tostring, with __tostring called from Lua: C calling Lua calling C … would exhaust the C stack.
local core = ...
local type, rawget, error, tostring, getmetatable = core.type, core.rawget, core.error, core.tostring, core.debug.getmetatable

function core.to_text(value)
  local kind = type(value)
  if kind == "table" or kind == "userdata" then
    local meta = getmetatable(value)
    local convert = meta and rawget(meta, "__tostring")
    if convert then
      local out = convert(value)
      if type(out) ~= "string" then error("'tostring' must return a string", 2) end
      return out
    end
  end
  return tostring(value)
end
core.globals.tostring = core.to_text
