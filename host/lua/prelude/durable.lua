-- What is different in a durable run: what differs between two processes is recorded, or given a fixed order.
local core = ...
local env, host, type, error, next, rawget, setmetatable, tonumber = core.globals, core.host, core.type, core.error,
  core.next, core.rawget, core.setmetatable, core.tonumber
local sort, floor, format = core.table.sort, core.math.floor, core.string.format
local PRELUDE, TOOL = 9, 13 -- protocol

-- The value that was noted at this point of the run, or this one if the run has not been here before.
local function note(name, value)
  local status, noted = host(TOOL, "note", name, format("%.17g", value))
  if status == 1 then core.refuse(noted) end
  return tonumber(noted)
end

local os = core.os
local os_time, os_date, os_clock = os.time, os.date, os.clock
core.os = setmetatable({
  time = function(at)
    if at ~= nil then return os_time(at) end
    return note("time", os_time())
  end,
  date = function(form, at)
    if at == nil then at = note("time", os_time()) end
    return os_date(form, at)
  end,
  clock = function() return note("clock", os_clock()) end,
}, { __index = os })

-- Tables are traversed with 1 to #t first, then other numbers, texts by their bytes, false, true, then tasks by
-- their place. Other objects have no order that two processes agree on.
local RANK = { number = 1, string = 2, boolean = 3, userdata = 4 }

local function task_path(value)
  local box = core.tag_of(value, "task")
  return box and box.task.path
end

local function before(a, b)
  local x, y = type(a), type(b)
  if x ~= y then return RANK[x] < RANK[y] end
  if x == "boolean" then return not a and b end
  if x == "userdata" then return task_path(a) < task_path(b) end
  return a < b
end

local function keys_of(t)
  local keys, n, odd, size = {}, 0, nil, #t
  for i = 1, size do
    if rawget(t, i) ~= nil then
      n = n + 1
      keys[n] = i
    end
  end
  local first, mixed, kind = n + 1, false, nil
  for key in next, t do
    local what = type(key)
    if what ~= "number" or key < 1 or key > size or key ~= floor(key) then
      n = n + 1
      keys[n] = key
      if what ~= kind then
        mixed = mixed or kind ~= nil or (what ~= "string" and what ~= "number")
        kind = what
      end
      if not RANK[what] or (what == "userdata" and not task_path(key)) then odd = odd or what end
    end
  end
  if odd and n - first > 0 then
    error("a table whose keys are a " .. odd .. " and others has no fixed order, which a durable run needs; "
      .. "keep the keys in a list", 3)
  end
  if n > first then
    local rest = keys
    if first > 1 then
      rest = {}
      for i = first, n do rest[i - first + 1] = keys[i] end
    end
    if mixed then sort(rest, before) else sort(rest) end
    if first > 1 then
      for i = first, n do keys[i] = rest[i - first + 1] end
    end
  end
  return keys, n
end

local function expect_table(t, who)
  if type(t) ~= "table" then
    error("bad argument #1 to '" .. who .. "' (table expected, got " .. (t == nil and "no value" or type(t)) .. ")", 3)
  end
end

function env.pairs(t)
  expect_table(t, "pairs")
  local keys, n = keys_of(t)
  local i = 0
  return function()
    while i < n do
      i = i + 1
      local key = keys[i]
      local value = rawget(t, key)
      if value ~= nil then return key, value end
    end
  end, t, nil
end

local walks = setmetatable({}, { __mode = "k" }) -- table -> its keys, and the place of each

function env.next(t, key)
  expect_table(t, "next")
  if key == nil and next(t) == nil then return nil end
  local walk = walks[t]
  if key == nil or not walk or not walk.place[key] then
    local keys, n = keys_of(t)
    walk = { keys = keys, n = n, place = {} }
    for i = 1, n do walk.place[keys[i]] = i end
    walks[t] = walk
    if key ~= nil and not walk.place[key] then error("invalid key to 'next'", 2) end
  end
  for i = key == nil and 1 or walk.place[key] + 1, walk.n do
    local found = walk.keys[i]
    local value = rawget(t, found)
    if value ~= nil then return found, value end
  end
end

core.load_code(host(PRELUDE, "basic"))

-- How much memory is in use depends on when garbage was collected.
local collectgarbage = env.collectgarbage
function env.collectgarbage(what)
  local answer = collectgarbage(what)
  return what == "count" and note("memory", answer) or answer
end

-- Addresses differ too: objects are numbered as they are first shown.
local numbers, count, to_text = setmetatable({}, { __mode = "k" }), 0, core.to_text
function env.tostring(value)
  local kind = type(value)
  if kind == "table" or kind == "function" or kind == "thread" then
    local meta = core.debug.getmetatable(value)
    if type(meta) ~= "table" or rawget(meta, "__tostring") == nil then
      if not numbers[value] then
        count = count + 1
        numbers[value] = count
      end
      return format("%s: 0x%08x", kind, numbers[value])
    end
  end
  return to_text(value)
end
