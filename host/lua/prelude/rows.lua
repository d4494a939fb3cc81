-- row and rows of a batch: an unknown name is an error that names the nearest one, not nil.
local core = ...
local tool, to_text = core.tool, core.to_text

function core.makers.rows(name, bytes)
  return core.setmetatable(core.decode(bytes), {
    __metatable = false,
    __tostring = function(value) return core.inspect(value) end,
    __index = function(_, key) return tool("rows", name, to_text(key)) end, -- nothing, or raises
  })
end
