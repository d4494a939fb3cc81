-- Source text as a function of a run's globals; never bytecode.
local core = ...
function core.compile(source, name)
  if core.string.byte(source, 1) == 27 then return nil, "precompiled Lua is not accepted, only source text" end
  return core.load(source, name, "t", core.env)
end
