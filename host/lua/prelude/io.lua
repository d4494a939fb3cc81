-- io: the output, and the input of the process.
local core = ...
local host, type, error, select, tonumber, to_text, tool = core.host, core.type, core.error, core.select, core.tonumber,
  core.to_text, core.tool
local sub, concat = core.string.sub, core.table.concat
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
  read = function(what)
    if what == nil then what = "*l" end
    if type(what) == "string" and sub(what, 1, 1) ~= "*" then what = "*" .. what end
    if type(what) ~= "number" and what ~= "*l" and what ~= "*L" and what ~= "*a" and what ~= "*n" then
      error("bad argument #1 to 'read' (invalid format)", 2)
    end
    local line = tool("read", to_text(what))
    if what == "*n" and line then return tonumber(line) end
    return line
  end,
}
