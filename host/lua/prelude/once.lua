-- once([name,] fn): done once for all runs of a batch. The first run to get here calls fn, the others wait and get
-- its results. The host decides which run that is (host.run.once); tasks of one run wait for each other here.
local core = ...
local type, call, run = core.type, core.call, core.run
local getinfo, env_of, own = core.debug.getinfo, core.env_of, core._G
local encode_list, decode, sub, unpack, select, format = core.encode_list, core.decode, core.string.sub, core.unpack,
  core.select, core.string.format
local ONCE = 7 -- protocol
local LONGEST = 200 -- bytes of a name

local under_way = {} -- key -> { task = that does it, waiters = that wait for it }
local known = {} -- key -> its results, packed

local function refuse(message) return core.raise { kind = "invalid", message = message } end

-- What distinguishes two of them: a name, or where the function stands in the script.
local function key_of(name, fn)
  if name ~= nil then
    if type(name) ~= "string" or name == "" or #name > LONGEST then
      refuse("once expects a name of 1 to " .. LONGEST .. " characters before its function, got "
        .. (type(name) == "string" and #name .. " characters" or "a " .. type(name)))
    end
    return format("%q", name)
  end
  local info = getinfo(fn, "S")
  if sub(info.source, 1, 1) ~= "@" or env_of(fn) == own then
    refuse('once expects a function written in the script; give any other a name: once("name", fn)')
  end
  return core.tool("once", sub(info.source, 2), format("%d", info.linedefined))
end

local function given(packed)
  local list = decode(packed)
  return unpack(list, 2, list[1] + 1) -- a nil leaves a hole
end

local function text_of(err)
  if type(err) == "table" then err = core.rawget(err, "message") end
  return type(err) == "string" and sub(err, 1, 4000) or "an error without a message"
end

local function packed_results(co, ok, ...)
  if not ok then return co, false, (...) end
  local n = select("#", ...)
  local well, packed = core.protected(encode_list, n + 1, n, ...)
  if well then return co, true, packed end
  local why = core.to_text(type(packed) == "table" and packed.message or packed)
  local at, what = core.string.match(why, "^%[(%d+)%](.*)$") -- among all that is packed
  if at then why = format("[%d]%s", at - 1, what) end
  return co, false, { kind = "invalid", message = "what once's function returned cannot be given to other runs: " .. why }
end

-- Asks the host, and does it if that is for this run to do. Gives whether that went well, and the packed results or the
-- error, with the stack it ended.
local function perform(key, fn)
  local _, packed = call(ONCE, "once", encode_list(2, "ask", key))
  if packed then return nil, true, packed end
  local co, ok, value = packed_results(core.apart(fn))
  if ok then
    call(ONCE, "once", encode_list(3, "done", key, value))
  else
    call(ONCE, "once", encode_list(3, "failed", key, text_of(value)))
  end
  return co, ok, value
end

local function leave(key, entry, ok, ...)
  under_way[key] = nil
  core.wake_waiters(entry)
  if not ok then return core.error((...), 0) end
  local co, well, value = ...
  if not well then return core.rethrow(value, co) end
  known[key] = value
  return given(value)
end

function core.globals.once(name, fn, ...)
  if fn == nil and type(name) == "function" then name, fn = nil, name end
  if type(fn) ~= "function" or select("#", ...) > 0 then
    refuse("once expects a function, or a name and a function: once(function() … end)")
  end
  local key = key_of(name, fn)
  while true do
    if known[key] then return given(known[key]) end
    local entry = under_way[key]
    if not entry then
      entry = { task = run.current }
      under_way[key] = entry
      return leave(key, entry, core.protected(perform, key, fn))
    end
    if entry.task == run.current then refuse("once " .. key .. " calls itself, and would wait for its own end; of two functions of one line give one a name") end
    core.await(entry)
  end
end
