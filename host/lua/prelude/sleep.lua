-- sleep(seconds): in its own file, as it is often all that a script uses of tasks.
local core = ...
local type, tostring, call, format = core.type, core.tostring, core.call, core.string.format
local SLEEP = 4 -- protocol: kind of call

function core.expect_seconds(seconds, who)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 or seconds > 31536000 then
    local given = type(seconds) == "number" and tostring(seconds) or "a " .. type(seconds)
    if seconds == nil then given = "nothing" end
    core.raise { kind = "invalid", message = who .. " expects seconds from 0 to a year, got " .. given }
  end
end

function core.globals.sleep(seconds)
  core.expect_seconds(seconds, "sleep")
  call(SLEEP, format("%.17g", seconds))
end
