-- Any value to MessagePack bytes: the one form in which values cross to the host.
-- Raises an "invalid" error that names the path down to what cannot cross.
local core = ...
local type, next, rawget, rawequal, getmetatable, tostring = core.type, core.next, core.rawget, core.rawequal,
  core.getmetatable, core.tostring
local char, byte, find, format = core.string.char, core.string.byte, core.string.find, core.string.format
local concat, floor = core.table.concat, core.math.floor
local text, head, number16, number32 = core.text, core.head, core.number16, core.number32

local HUGE, EXACT, MAX_DEPTH = 1 / 0, 2 ^ 53, 64
local NULL = core.newproxy(true)
local null_meta = getmetatable(NULL)
null_meta.__tostring = function() return "null" end
null_meta.__metatable = false
local array_meta, packed_meta = core.array_meta, core.packed_meta

local function secret_parts(value) -- of an opaque secret: its parts, else nil
  local env = core.tag_of(value, "secret")
  return env and env.parts
end

local path = {} -- keys down to the value being encoded, for messages
local named, listed -- what they begin with; whether the first key is an argument's number

local function bad(depth, what)
  local steps = {}
  for i = 1, depth do
    local key = path[i]
    if i == 1 and listed then steps[i] = ": argument " .. key
    elseif type(key) == "number" then steps[i] = "[" .. key .. "]"
    else steps[i] = ((i > 1 or named) and "." or "") .. tostring(key) end
  end
  local at = (named or "") .. concat(steps, "", 1, depth)
  core.raise { kind = "invalid", message = (at ~= "" and (at .. ": ") or "") .. what }
end

local function utf8_ok(s)
  local i, n = 1, #s
  while i <= n do
    i = find(s, "[\128-\255]", i)
    if not i then return true end
    local b, c, d, e = byte(s, i, i + 3)
    local function tail(x) return x and x >= 0x80 and x < 0xC0 end
    if b >= 0xC2 and b <= 0xDF and tail(c) then i = i + 2
    elseif b >= 0xE0 and b <= 0xEF and tail(c) and tail(d)
      and not (b == 0xE0 and c < 0xA0) and not (b == 0xED and c > 0x9F) then i = i + 3
    elseif b >= 0xF0 and b <= 0xF4 and tail(c) and tail(d) and tail(e)
      and not (b == 0xF0 and c < 0x90) and not (b == 0xF4 and c > 0x8F) then i = i + 4
    else return false end
  end
  return true
end

local function number(v, depth)
  if v ~= v or v == HUGE or v == -HUGE then bad(depth, tostring(v) .. " is not a number that can be sent") end
  if v == floor(v) then
    if v > EXACT or v < -EXACT then
      bad(depth, format("%.0f is beyond 2^53, where numbers are no longer exact; give it as a string", v))
    end
    if v >= 0 then
      if v < 128 then return char(v) end
      if v < 65536 then return "\205" .. number16(v) end
      if v < 4294967296 then return "\206" .. number32(v) end
      return "\207" .. number32(floor(v / 4294967296)) .. number32(v % 4294967296)
    end
    if v >= -32 then return char(256 + v) end
    if v >= -2147483648 then return "\210" .. number32(v + 4294967296) end
    local high = floor(v / 4294967296)
    return "\211" .. number32(high + 4294967296) .. number32(v - high * 4294967296)
  end
  local s = format("%.17g", v)
  return "\199" .. char(#s, 1) .. s -- extension 1: a float as its digits
end

local encode_value

local LONGEST = 1000000 -- items of a list with holes

-- How many items a list with holes has, or nil where a table is none: map's result, with .n and nothing beside its items.
local function packed_length(v)
  if not rawequal(getmetatable(v), packed_meta) then return nil end
  if next(v) == nil then return 0 end
  local n = rawget(v, "n")
  if type(n) ~= "number" or n < 0 or n > LONGEST or n ~= floor(n) then return nil end
  for key in next, v do
    if key ~= "n" and not (type(key) == "number" and key >= 1 and key <= n and key == floor(key)) then return nil end
  end
  return n
end

local function encode_packed(out, n, v, length, depth)
  out[n + 1] = head(length, 0x90, 0xDC)
  n = n + 1
  for i = 1, length do
    path[depth + 1] = i
    n = encode_value(out, n, rawget(v, i), depth + 1)
  end
  return n
end

local function encode_table(out, n, v, depth)
  if depth >= MAX_DEPTH then bad(3, "the table is nested more than 64 deep (or contains itself)") end
  local page_fields = rawget(core, "page_fields")
  if page_fields then v = page_fields(v) end
  local count, length = 0, #v
  for _ in next, v do count = count + 1 end
  if (count == length and count > 0) or (count == 0 and rawequal(getmetatable(v), array_meta)) then
    local before = n
    out[n + 1] = head(count, 0x90, 0xDC)
    n = n + 1
    for i = 1, count do
      path[depth + 1] = i
      local item = rawget(v, i)
      if item == nil then
        local items = packed_length(v)
        if items then return encode_packed(out, before, v, items, depth) end
        bad(depth, "a list with a hole at " .. i)
      end
      n = encode_value(out, n, item, depth + 1)
    end
    return n
  end
  local items = packed_length(v)
  if items then return encode_packed(out, n, v, items, depth) end
  out[n + 1] = head(count, 0x80, 0xDE)
  n = n + 1
  for key, item in next, v do
    path[depth + 1] = key
    local kind = type(key)
    if kind == "number" then
      if length > 0 then bad(depth, "a table that is neither a list nor a map: it has " .. length .. " list items and other keys, or holes") end
      key = tostring(key)
    elseif kind ~= "string" then
      bad(depth, "a table key that is a " .. kind .. "; keys are strings")
    end
    out[n + 1] = text(key)
    n = encode_value(out, n + 1, item, depth + 1)
  end
  return n
end

function encode_value(out, n, v, depth)
  local kind = type(v)
  if kind == "string" then out[n + 1] = text(v)
  elseif kind == "number" then out[n + 1] = number(v, depth)
  elseif kind == "boolean" then out[n + 1] = v and "\195" or "\194"
  elseif kind == "nil" or rawequal(v, NULL) then out[n + 1] = "\192"
  elseif kind == "table" then return encode_table(out, n, v, depth)
  else
    local parts = kind == "userdata" and secret_parts(v)
    if parts then
      local inner, m = { head(#parts, 0x90, 0xDC) }, 1
      for i = 1, #parts do m = m + 1 inner[m] = text(parts[i]) end
      local body = concat(inner, "", 1, m)
      out[n + 1] = "\201" .. number32(#body) .. "\2" .. body -- extension 2: a secret among texts
    elseif core.tag_of(v, "builder") then
      local resource = core.tag_of(v, "builder").class.resource
      bad(depth, "a builder cannot be sent; pass its id (" .. resource .. ".id after create())")
    else
      bad(depth, "a " .. (kind == "userdata" and "host value" or kind) .. " cannot be sent")
    end
  end
  return n + 1
end

-- whose: what an error begins with, such as a parameter's name.
local function encode(v, whose)
  named, listed = whose, false
  local kind = type(v)
  if kind == "string" then return (text(v)) end
  if kind == "boolean" then return v and "\195" or "\194" end
  local out = {}
  local n = encode_value(out, 0, v, 0)
  return n == 1 and out[1] or concat(out, "", 1, n)
end

local function list(n, ...)
  local items, out = { ... }, { head(n, 0x90, 0xDC) }
  local m = 1
  for i = 1, n do
    path[1] = i
    m = encode_value(out, m, items[i], 1)
  end
  return concat(out, "", 1, m)
end

-- encode_list(n, ...) packs n values as one list; nil becomes null.
local function encode_list(n, ...)
  named, listed = nil, false
  return list(n, ...)
end

-- The same of the arguments of a call, which errors name: "products.create: argument 1.metadata".
local function encode_arguments(whose, n, ...)
  named, listed = whose, true
  return list(n, ...)
end

core.encode, core.encode_list, core.encode_arguments, core.NULL, core.secret_parts, core.utf8_ok =
  encode, encode_list, encode_arguments, NULL, secret_parts, utf8_ok
