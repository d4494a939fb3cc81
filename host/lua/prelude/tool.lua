-- What the small things of a script share.
local core = ...
local host, error, type = core.host, core.error, core.type
local TOOL = 13

-- tool(name, …) asks the host for something small at once: returns its answer or raises its error.
function core.tool(name, a, b)
  local status, payload = host(TOOL, name, a, b)
  if status == 1 then
    core.refuse(payload)
  end
  return payload
end

function core.check(value, kind, n, who)
  if type(value) ~= kind and not (kind == "string" and type(value) == "number") then
    error("bad argument #" .. n .. " to '" .. who .. "' (" .. kind .. " expected, got "
      .. (value == nil and "no value" or type(value)) .. ")", 3)
  end
end
