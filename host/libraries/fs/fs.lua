-- fs: files inside the granted folders.
local core = ...
local ask = core.ask

local fs = {}
for _, name in core.ipairs { "read", "write", "append", "list", "exists", "remove" } do
  local target = "fs." .. name
  fs[name] = function(...)
    core.refuse_colon(fs, (...), target)
    local value = ask(target, ...)
    return value
  end
end
core.globals.fs = fs
