-- Globals the embedding program gives a run.
local core = ...
function core.makers.values(_, bytes)
  local value = core.decode(bytes)
  if core.type(value) == "table" and core.getmetatable(value) ~= core.array_meta then core.setmetatable(value, nil) end
  return value
end
