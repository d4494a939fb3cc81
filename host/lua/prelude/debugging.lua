-- debug.traceback and debug.getinfo: where a script is, as text and numbers. No function, variable, metatable or hook is
-- handed out. The host's own files are shown as C is: "[C]", one level for all that a call passes through.
local core = ...
local type, error, getinfo, check = core.type, core.error, core.debug.getinfo, core.check
local find, concat = core.string.find, core.table.concat
local MOST_LEVELS, MOST_LINES = 1000, 22

-- Whether a frame or function is the host's. Its files are loaded stripped: no line is known of them.
local function is_host(info)
  return info.what == "C" or info.source == "=host" or (info.what == "Lua" and info.linedefined == 0)
end

local function as_c(info)
  return { what = "C", source = "=[C]", short_src = "[C]", currentline = -1, linedefined = -1, lastlinedefined = -1,
    name = info.name, namewhat = info.namewhat }
end

-- The levels of a stack, innermost first, at most so many. Without a coroutine: from the caller of who called this.
local function levels(co, most)
  local list, n, raw, in_host = {}, 0, co and 0 or 3, false
  while true do
    local info
    if co then info = getinfo(co, raw, "Sln") else info = getinfo(raw, "Sln") end
    if not info then return list, n end
    local host = is_host(info)
    if not host or not in_host then
      n = n + 1
      if n > most then return list, most end
    end
    list[n] = host and as_c(info) or info -- of several of the host's the outermost, which the script called
    in_host, raw = host, raw + 1
  end
end

local FIELDS = {
  S = { "source", "short_src", "what", "linedefined", "lastlinedefined" }, l = { "currentline" }, n = { "name", "namewhat" },
}

local lib = {}

function lib.getinfo(...)
  local co, target, what = ...
  if type(co) ~= "thread" then co, target, what = nil, co, target end
  if what == nil then what = "Sln" end
  check(what, "string", co and 3 or 2, "getinfo")
  if find(what, "[^SlnufL]") then error("bad argument #" .. (co and 3 or 2) .. " to 'getinfo' (invalid option)", 2) end
  local info
  if type(target) == "function" then
    info = getinfo(target, "S")
    info.currentline = -1
    if is_host(info) then info = as_c(info) end
  elseif type(target) == "number" then
    if target ~= target or target < 0 or target > MOST_LEVELS then return nil end
    target = target - target % 1
    if target == 0 and not co then
      info = as_c { name = "getinfo", namewhat = "field" }
    else
      local at = co and target + 1 or target
      local list, n = levels(co, at)
      if n < at then return nil end
      info = list[at]
    end
  else
    error("bad argument #" .. (co and 2 or 1) .. " to 'getinfo' (function or level expected)", 2)
  end
  local out = {}
  for letter, names in core.next, FIELDS do
    if find(what, letter, 1, true) then
      for i = 1, #names do out[names[i]] = info[names[i]] end
    end
  end
  return out
end

local function line_of(info)
  local place = info.currentline > 0 and info.short_src .. ":" .. info.currentline .. ":" or info.short_src .. ":"
  if info.what == "main" then return place .. " in main chunk" end
  if info.name and info.name ~= "" then return place .. " in function '" .. info.name .. "'" end
  if info.what == "C" then return place .. " in ?" end
  return place .. " in function <" .. info.short_src .. ":" .. info.linedefined .. ">"
end

function lib.traceback(...)
  local co, message, level = ...
  if type(co) ~= "thread" then co, message, level = nil, co, message end
  if type(message) ~= "string" and type(message) ~= "number" and message ~= nil then return message end
  if level == nil then level = co and 0 or 1 end
  check(level, "number", co and 3 or 2, "traceback")
  local list, n = levels(co, MOST_LEVELS)
  local raised = not co and core.run.current.handling -- the stack of the error that an xpcall's handler is for
  local out, lines, all, count = { "stack traceback:" }, 1, {}, 0
  for i = 1, n do
    if raised and list[i].what == "C" then -- what called the handler
      for k = 1, #raised do all[count + k] = raised[k] end
      count = count + #raised
      break
    end
    count = count + 1
    all[count] = line_of(list[i])
  end
  for i = co and level + 1 or level, count do
    if i >= 1 then
      if lines > MOST_LINES then out[lines + 1] = "\t..." break end
      lines = lines + 1
      out[lines] = "\t" .. all[i]
    end
  end
  return (message == nil and "" or message .. "\n") .. concat(out, "\n")
end

-- The stack of who called error(), as lines of a traceback.
function core.stack_lines()
  local list, n = levels(nil, MOST_LINES)
  local out = { "[C]: in function 'error'" }
  for i = 1, n do out[i + 1] = line_of(list[i]) end
  return out
end

core.globals.debug = lib
