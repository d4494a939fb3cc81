-- core.hinted(message): an error of Lua's own, as a script that catches it gets it. If it came from a name that does not exist,
-- it says what to use instead (host.run.hints).
local core = ...
local find, host = core.string.find, core.host
local TOOL = 13 -- protocol
local MOST = 1000 -- bytes of a message that is looked at
local NO_PLACE = "^attempt to call a %a+ value$" -- of pcall(io.open, …), pcall(f()): raised where no line of the script is

function core.hinted(err)
  if #err > MOST then return err end
  local asked = err
  if find(err, NO_PLACE) then
    local line, script = core.where(3)
    if line then asked = script .. ":" .. line .. ": " .. err end
  elseif not find(err, ": attempt to ", 1, true) then
    return err
  end
  local status, hint = host(TOOL, "hint", asked)
  if status == 0 and hint and not find(err, hint, 1, true) then return err .. "; " .. hint end
  return err
end
