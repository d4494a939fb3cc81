-- Small things a script may name: os, io, json, log, env, args, require, load, try, and the per-run math and table.
local core = ...
local host, type, error, select, next, pcall, to_text, tonumber, rawget, setmetatable, getmetatable, unpack = core.host,
  core.type, core.error, core.select, core.next, core.pcall, core.to_text, core.tonumber, core.rawget, core.setmetatable,
  core.getmetatable, core.unpack
local raise, decode, encode, sub, byte, concat, format, floor = core.raise, core.decode, core.encode, core.string.sub, core.string.byte,
  core.table.concat, core.string.format, core.math.floor
local env, where = core.env, core.where
local OUT, TOOL = 5, 13

-- tool(name, …) asks the host for something small at once: returns its answer or raises its error.
local function tool(name, a, b)
  local status, payload = host(TOOL, name, a, b)
  if status == 1 then
    core.refuse(payload)
  end
  return payload
end
core.tool = tool

local function check(value, kind, n, who)
  if type(value) ~= kind and not (kind == "string" and type(value) == "number") then
    error("bad argument #" .. n .. " to '" .. who .. "' (" .. kind .. " expected, got "
      .. (value == nil and "no value" or type(value)) .. ")", 3)
  end
end

-- os and io
local os = core.os
local MOST_FORMAT = 1000 -- bytes; os.date is one call of C

env.os = {
  date = function(format_, time)
    if type(format_) == "string" and #format_ > MOST_FORMAT then
      error("bad argument #1 to 'date' (a format of at most " .. MOST_FORMAT .. " bytes expected)", 2)
    end
    return os.date(format_, time)
  end,
  time = os.time, clock = os.clock, difftime = os.difftime,
  getenv = function(name)
    check(name, "string", 1, "getenv")
    return tool("env", name)
  end,
  exit = function(status)
    if status == nil or status == true then status = 0 elseif status == false then status = 1 end
    if type(status) ~= "number" or status ~= floor(status) or status < 0 or status > 255 then
      error("bad argument #1 to 'exit' (a status from 0 to 255 expected)", 2)
    end
    core.die { exit = status }
  end,
}

local function write(...)
  local n, out = select("#", ...), { ... }
  for i = 1, n do
    local kind = type(out[i])
    if kind ~= "string" and kind ~= "number" then
      error("bad argument #" .. i .. " to 'write' (string expected, got " .. (out[i] == nil and "nil" or kind) .. ")", 3)
    end
  end
  local refused = host(OUT, concat(out, "", 1, n))
  if refused then core.refuse(refused) end
end

env.io = {
  write = function(...) write(...) end,
  read = function(what)
    if what == nil then what = "*l" end
    if type(what) == "string" and sub(what, 1, 1) ~= "*" then what = "*" .. what end
    if type(what) ~= "number" and what ~= "*l" and what ~= "*L" and what ~= "*a" and what ~= "*n" then
      error("bad argument #1 to 'read' (invalid format)", 2)
    end
    local line = tool("read", to_text(what))
    if what == "*n" and line then return tonumber(line) end
    return line
  end,
}

-- math and table
local math = {}
for name, value in next, core.math do math[name] = value end
math.randomseed(tonumber(tool("seed")))
env.math = math

local table_ = {}
for name, value in next, core.table do table_[name] = value end
table_.getn, table_.setn, table_.foreach, table_.foreachi = nil, nil, nil, nil
for name, value in next, core.tables do table_[name] = value end -- the bounded ones
table_.unpack = unpack
table_.pack = function(...) return { n = select("#", ...), ... } end
env.table = table_

-- json
local json = { null = core.NULL }
function json.encode(...)
  if select("#", ...) == 0 then error("bad argument #1 to 'encode' (value expected)", 2) end
  return tool("json.encode", encode((...)))
end
function json.decode(text)
  if type(text) ~= "string" then
    raise { kind = "invalid", message = "json.decode expects a string, got " .. (text == nil and "nothing" or "a " .. type(text)) }
  end
  return decode(tool("json.decode", text))
end
function json.array(list)
  if list == nil then list = {} end
  if type(list) ~= "table" then raise { kind = "invalid", message = "json.array expects a table, got a " .. type(list) } end
  return setmetatable(list, core.array_meta)
end
env.json = json

-- inspect: a value as text one can read, keys sorted, cycles named
local function key_order(a, b)
  local x, y = type(a), type(b)
  if x ~= y then return x < y end
  if x == "number" or x == "string" then return a < b end
  return false
end

local function quote(s)
  s = format("%q", s)
  s = core.string.gsub(s, "\\\n", "\\n")
  s = core.string.gsub(s, "\r", "\\r")
  return (core.string.gsub(s, "%z", "\\0"))
end

local function show(value, indent, depth, seen, budget)
  local kind = type(value)
  if kind == "string" then return quote(value) end
  if kind == "table" then
    if seen[value] then return "<cycle>" end
    if depth > 12 or budget.left <= 0 then return "{…}" end
    seen[value] = true
    local parts, n, inner, length = {}, 0, indent .. "  ", #value
    for i = 1, length do
      n = n + 1
      parts[n] = show(rawget(value, i), inner, depth + 1, seen, budget)
      budget.left = budget.left - 1
      if budget.left <= 0 then break end
    end
    local keys, m = {}, 0
    for key in next, value do
      if type(key) ~= "number" or key < 1 or key > length or key ~= floor(key) then
        m = m + 1
        keys[m] = key
      end
    end
    core.table.sort(keys, key_order)
    for i = 1, m do
      if budget.left <= 0 then n = n + 1 parts[n] = "…" break end
      budget.left = budget.left - 1
      local key = keys[i]
      local name = type(key) == "string" and core.string.find(key, "^[%a_][%w_]*$") and key
        or "[" .. show(key, inner, depth + 1, seen, budget) .. "]"
      n = n + 1
      parts[n] = name .. " = " .. show(rawget(value, key), inner, depth + 1, seen, budget)
    end
    seen[value] = nil
    if n == 0 then return "{}" end
    local flat = concat(parts, ", ", 1, n)
    if #flat <= 76 and not core.string.find(flat, "\n") then return "{ " .. flat .. " }" end
    return "{\n" .. inner .. concat(parts, ",\n" .. inner, 1, n) .. "\n" .. indent .. "}"
  end
  if kind == "function" then return "<function>" end
  if kind == "thread" then return "<coroutine>" end
  return to_text(value)
end
function env.inspect(value) return show(value, "", 0, {}, { left = 10000 }) end

-- log
local log = {}
for _, level in core.ipairs { "debug", "info", "warn", "error" } do
  log[level] = function(...)
    local n, out = select("#", ...), { ... }
    for i = 1, n do out[i] = type(out[i]) == "table" and env.inspect(out[i]) or to_text(out[i]) end
    tool("log", level, concat(out, " ", 1, n) .. "\0" .. to_text(where(3) or ""))
  end
end
env.log = log

-- env and args
local proxy = core.newproxy(true)
local meta = getmetatable(proxy)
meta.__metatable = false
meta.__index = function(_, name)
  if type(name) ~= "string" then return nil end
  return tool("env", name)
end
meta.__newindex = function() raise { kind = "denied", message = "env cannot be assigned to" } end
meta.__tostring = function() return "env" end
env.env = proxy
env.args = decode(tool("args"))
setmetatable(env.args, nil)

-- The API key as an opaque value: it can be passed on, not read.
local function secret(parts)
  local value = core.newproxy(core.secret_proto)
  core.set_env(value, { tag = "secret", parts = parts })
  return value
end
core.secret_proto = core.newproxy(true)
local opaque = getmetatable(core.secret_proto)
opaque.__metatable = false
opaque.__tostring = function(self)
  local parts, out = core.secret_parts(self), {}
  if not parts then return "secret" end
  for i = 1, #parts do out[i] = i % 2 == 1 and parts[i] or "[secret]" end
  return concat(out)
end
opaque.__index = function() return nil end
opaque.__newindex = function() raise { kind = "denied", message = "a secret cannot be assigned to" } end
-- Odd places are text, even places are names of secrets.
local function parts_of(value)
  return core.secret_parts(value) or (type(value) == "string" or type(value) == "number") and { to_text(value) }
    or raise { kind = "invalid", message = "a secret can be joined to text only, not to a " .. type(value) }
end
opaque.__concat = function(a, b)
  local left, right, out = parts_of(a), parts_of(b), {}
  for i = 1, #left do out[i] = left[i] end
  out[#out] = out[#out] .. right[1]
  for i = 2, #right do out[#out + 1] = right[i] end
  return secret(out)
end
core.secret = secret
env.STRIPE_API_KEY = secret { "", "stripe", "" }

-- try, load, require
local function tried(ok, ...)
  if ok then return ... end
  return nil, (...)
end
function env.try(fn, ...)
  if type(fn) ~= "function" then
    raise { kind = "invalid", message = "try expects a function and its arguments, got " .. (fn == nil and "nothing" or "a " .. type(fn)) }
  end
  return tried(env.pcall(fn, ...))
end

function env.load(source, name, mode, globals)
  if type(source) == "function" then
    local parts, n, size = {}, 0, 0
    while true do
      local piece = source()
      if piece == nil or piece == "" then break end
      if type(piece) ~= "string" then return nil, "reader function must return a string" end
      n, size = n + 1, size + #piece
      if size > 16777216 then return nil, "the chunk is over 16 MB" end
      parts[n] = piece
    end
    source = concat(parts, "", 1, n)
  end
  if type(source) ~= "string" then
    error("bad argument #1 to 'load' (string or function expected, got " .. (source == nil and "no value" or type(source)) .. ")", 2)
  end
  if byte(source, 1) == 27 or (mode ~= nil and mode ~= "t" and mode ~= "bt") then
    return nil, "precompiled Lua is not accepted, only source text"
  end
  core.charge(#source * 6) -- compiling is one call of C
  if globals ~= nil and type(globals) ~= "table" then error("bad argument #4 to 'load' (table expected)", 2) end
  return core.load(source, name == nil and "=(load)" or to_text(name), "t", globals or env)
end
function env.loadstring(source, name)
  if type(source) ~= "string" then
    error("bad argument #1 to 'loadstring' (string expected, got " .. (source == nil and "no value" or type(source)) .. ")", 2)
  end
  return env.load(source, name or "=(loadstring)")
end

local loaded, loading = {}, {}
function env.require(name)
  check(name, "string", 1, "require")
  if loaded[name] ~= nil then return loaded[name] end
  if loading[name] then error("loop in require: '" .. name .. "' is being loaded already", 2) end
  local source = tool("require", name)
  local chunk, message = core.compile(source, "@" .. tool("require.path", name))
  if not chunk then error("error loading module '" .. name .. "': " .. message, 2) end
  loading[name] = true
  local value = chunk(name)
  loading[name] = nil
  if value == nil then value = true end
  loaded[name] = value
  return value
end
