-- args: what the script was called with. Asked for one by one, so that it takes no more of the prelude.
local core = ...
local host = core.host
local TOOL = 13

local args, n = {}, 0
while true do
  local status, value = host(TOOL, "args", n + 1)
  if status == 1 then core.refuse(value) end
  if value == nil then break end
  n = n + 1
  args[n] = value
end
core.env.args = args
