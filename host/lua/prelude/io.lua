-- io: the output, and the input of the process.
local core = ...
local host, type, error, select, tonumber, tool = core.host, core.type, core.error, core.select, core.tonumber, core.tool
local concat, floor, format, match = core.table.concat, core.math.floor, core.string.format, core.string.match
local OUT = 5 -- protocol

local function write(...)
  local n, out = select("#", ...), { ... }
  for i = 1, n do
    local kind = type(out[i])
    if kind ~= "string" and kind ~= "number" then
      error("bad argument #" .. i .. " to 'write' (string expected, got " .. (out[i] == nil and "nil" or kind) .. ")", 3)
    end
  end
  local refused = host(OUT, concat(out, "", 1, n))
  if refused then core.refuse(refused) end
end

-- What io.read is asked for: a number of bytes, or *l, *L, *a, *n, of which the first letter counts ("*line", "l").
local function read_format(place, what)
  if type(what) == "number" and what >= 0 and what == floor(what) then return format("%.0f", what) end
  local letter = type(what) == "string" and match(what, "^%*?([lLan])")
  if letter then return "*" .. letter end
  error("bad argument #" .. place .. " to 'read' (invalid format)", 3)
end

-- io.stdout has what writing takes; each write goes to the host at once, so there is nothing to flush.
local stdout = core.setmetatable({}, { __metatable = false, __tostring = function() return "file (stdout)" end })
function stdout:write(...)
  write(...)
  return self
end
function stdout:flush() return self end
function stdout.setvbuf() return true end

core.globals.io = {
  stdout = stdout,
  flush = function() return stdout end,
  write = function(...)
    write(...)
    return stdout
  end,
  read = function(...)
    local n, formats, out = select("#", ...), { ... }, {}
    if n == 0 then n, formats[1] = 1, "*l" end
    for i = 1, n do formats[i] = read_format(i, formats[i]) end
    for i = 1, n do
      local text = tool("read", formats[i])
      if formats[i] == "*n" then text = tonumber(text or "") end
      out[i] = text
      if text == nil then break end -- what follows is not read
    end
    return core.unpack(out, 1, n)
  end,
}
