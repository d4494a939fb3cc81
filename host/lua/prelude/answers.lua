-- Tables that came from the host print readably. An empty one with array_meta is an empty list, not an empty map.
local core = ...
local function show(answer) return core.inspect(answer) end
core.answer_meta, core.array_meta = { __tostring = show }, { __tostring = show }
