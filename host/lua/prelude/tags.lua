-- Opaque and per-object values are userdata whose private state is their environment table: no script can reach it
-- (debug is gone) and it needs no weak table.
local core = ...
local env_of = core.env_of

-- The state of such a value if it is tagged so, else nil.
function core.tag_of(value, tag)
  if core.type(value) ~= "userdata" then return nil end
  local env = env_of(value)
  return env and env.tag == tag and env or nil
end
