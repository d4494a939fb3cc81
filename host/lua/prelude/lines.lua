-- Counts how often each line of a file is reached, for the coverage of tests. Loaded only in runs whose lines somebody wants.
--
-- LuaJIT has one hook for a state, whichever coroutine runs, and it is the budget's: what the budget sets is set with the
-- line event besides, and called in a tail call, so that it finds the script's function right below it on the stack.
local core = ...
local LINES = 17 -- protocol
local sethook, getinfo, host = core.debug.sethook, core.debug.getinfo, core.host
local sub, format, concat = core.string.sub, core.string.format, core.table.concat
local next, setmetatable = core.next, core.setmetatable

local budget_hook
local counts = {} -- a chunk's name -> line a function begins at -> line -> how often
local of_function = setmetatable({}, { __mode = "k" }) -- a function -> its lines' counts, false for what is from no file

local function counts_of(fn)
  local info = getinfo(fn, "S")
  if sub(info.source, 1, 1) ~= "@" then return false end
  local name, begun = sub(info.source, 2), info.linedefined
  local functions = counts[name] or {}
  counts[name] = functions
  local found = functions[begun] or {}
  functions[begun] = found
  return found
end

local function on_event(event, line)
  if event == "count" then return budget_hook() end
  if line < 1 then return end -- the host's own, which has no lines
  local fn = getinfo(2, "f").func
  local found = of_function[fn]
  if found == nil then
    found = counts_of(fn)
    of_function[fn] = found
  end
  if found then found[line] = (found[line] or 0) + 1 end
end

function core.debug.sethook(hook, _, count)
  budget_hook = hook
  if hook then return sethook(on_event, "l", count) end
  return sethook()
end

-- At the run's end, when no hook is set any more.
function core.report_lines()
  for name, functions in next, counts do
    local parts, n = {}, 0
    for begun, lines in next, functions do
      for line, count in next, lines do
        n = n + 1
        parts[n] = format("%d:%d=%.0f", begun, line, count)
      end
    end
    host(LINES, name, concat(parts, " "))
  end
end
