-- os, without the functions that could do harm.
local core = ...
local type, error, floor, tool, check = core.type, core.error, core.math.floor, core.tool, core.check
local os = core.os
local MOST_FORMAT = 1000 -- bytes; os.date is one call of C

-- A table's members as they are: C would ask its metatable, and so run a script's code.
local function fields_of(at)
  local plain = {}
  for _, name in core.ipairs { "year", "month", "day", "hour", "min", "sec", "isdst" } do plain[name] = core.rawget(at, name) end
  return plain
end

core.globals.os = {
  date = function(format_, time)
    if type(format_) == "string" and #format_ > MOST_FORMAT then
      error("bad argument #1 to 'date' (a format of at most " .. MOST_FORMAT .. " bytes expected)", 2)
    end
    return os.date(format_, time)
  end,
  time = function(...)
    local at = ...
    if type(at) == "table" then return os.time(fields_of(at)) end
    return os.time(...)
  end,
  clock = os.clock, difftime = os.difftime,
  getenv = function(name)
    check(name, "string", 1, "getenv")
    return tool("env", core.to_text(name))
  end,
  exit = function(status)
    if status == nil or status == true then status = 0 elseif status == false then status = 1 end
    if type(status) ~= "number" or status ~= floor(status) or status < 0 or status > 255 then
      error("bad argument #1 to 'exit' (a status from 0 to 255 expected)", 2)
    end
    core.die { exit = status }
  end,
}
