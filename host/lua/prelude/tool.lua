-- What the functions share that the host answers at once.
local core = ...
local host, error, type = core.host, core.error, core.type
local TOOL = 13 -- protocol
local LARGE = 65536 -- bytes, as in bounds.lua

-- tool(name, …) asks the host for something small at once: returns its answer or raises its error.
function core.tool(name, a, b)
  local status, payload = host(TOOL, name, a, b)
  if status == 1 then
    core.refuse(payload)
  end
  local size = (type(a) == "string" and #a or 0) + (payload and #payload or 0)
  if size > LARGE then
    core.charge(size / 8)
    core.announce(size)
  end
  return payload
end

function core.check(value, kind, n, who)
  if type(value) ~= kind and not (kind == "string" and type(value) == "number") then
    error("bad argument #" .. n .. " to '" .. who .. "' (" .. kind .. " expected, got "
      .. (value == nil and "no value" or type(value)) .. ")", 3)
  end
end
