-- args: what the script was called with, in one string: each as its length, a colon and its bytes.
local core, packed = ...
local find, sub = core.string.find, core.string.sub

local args, n, at = {}, 0, 1
while at <= #packed do
  local _, colon, size = find(packed, "^(%d+):", at)
  n, at = n + 1, colon + size + 1
  args[n] = sub(packed, colon + 1, colon + size)
end
core.globals.args = args
