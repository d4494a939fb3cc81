-- error: Lua's own, which also keeps where a table was raised first, for a run that ends with it, and the stack, for an
-- xpcall: its handler runs when the stack is gone.
local core = ...
local type, error, where, run = core.type, core.error, core.where, core.run
local getinfo = core.debug.getinfo
local MOST_LEVELS = 1000
local function is_host(info) return info and info.source == "=host" end
local WEAK = { __mode = "k" }
local lines, scripts = core.setmetatable({}, WEAK), core.setmetatable({}, WEAK) -- error table -> where it was raised

local function raise(value, level)
  local kind = type(value)
  if kind == "table" and not lines[value] then lines[value], scripts[value] = where(3) end
  local task = run.current
  if task and task.handlers and task.handlers > 0 then task.raised = { value, core.stack_lines() } end
  if level == nil then level = 1 end
  if type(level) ~= "number" then
    error("bad argument #2 to 'error' (number expected, got " .. type(level) .. ")", 2)
  end
  if kind ~= "table" and level > 0 and level <= MOST_LEVELS then
    level = level + 1
    while is_host(getinfo(level, "S")) do level = level + 1 end -- the script called what that file is behind
  end
  -- Not a tail call: it would take away the frame that the level counts from.
  local never = error(value, level)
  return never
end
core.globals.error = raise

-- Line and script of the first time this table was raised, if it was.
function core.raised_at(value)
  return lines[value], scripts[value]
end
