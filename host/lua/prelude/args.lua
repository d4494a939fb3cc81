-- args: what the script was called with.
local core = ...
local args = core.decode(core.tool("args"))
core.env.args = core.setmetatable(args, nil)
