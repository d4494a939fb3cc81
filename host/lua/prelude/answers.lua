-- Tables that came from the host print readably. An empty one with array_meta is an empty list, not an empty map; so is
-- one with packed_meta, a list whose length is .n: a field of it where it has holes, else how many items there are.
local core = ...
local function show(answer) return core.inspect(answer) end
core.answer_meta, core.array_meta = { __tostring = show }, { __tostring = show }
core.packed_meta = { __tostring = show, __index = function(list, key) if key == "n" then return #list end end }
