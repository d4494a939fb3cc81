-- args: what the script was called with, told all at once: each as its length, a colon and its bytes.
local core, told = ...
local find, sub = core.string.find, core.string.sub

local args, n, at = {}, 0, 1
while at <= #told do
  local _, colon, size = find(told, "^(%d+):", at)
  n, at = n + 1, colon + size + 1
  args[n] = sub(told, colon + 1, colon + size)
end
core.globals.args = args
