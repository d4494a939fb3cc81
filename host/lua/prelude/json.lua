-- json, by the host's own reader and writer.
local core = ...
local type, error, select, setmetatable = core.type, core.error, core.select, core.setmetatable
local raise, decode, encode, tool = core.raise, core.decode, core.encode, core.tool

local json = { null = core.NULL }
function json.encode(...)
  core.refuse_colon(json, (...), "json.encode")
  if select("#", ...) == 0 then error("bad argument #1 to 'encode' (value expected)", 2) end
  return tool("json.encode", encode((...)))
end
function json.decode(text)
  if type(text) ~= "string" then
    core.refuse_colon(json, text, "json.decode")
    raise { kind = "invalid", message = "json.decode expects a string, got " .. (text == nil and "nothing" or "a " .. type(text)) }
  end
  return decode(tool("json.decode", text))
end
function json.array(list)
  if list == nil then list = {} end
  if type(list) ~= "table" then raise { kind = "invalid", message = "json.array expects a table, got a " .. type(list) } end
  return setmetatable(list, core.array_meta)
end
core.globals.json = json
