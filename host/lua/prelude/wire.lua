-- Values <-> MessagePack bytes: the one form in which values cross between Lua and the host.
-- encode(v) raises an "invalid" error naming the path; decode(bytes) trusts the host that made them.
local core = ...
local type, next, rawget, rawequal, getmetatable, setmetatable, tostring =
  core.type, core.next, core.rawget, core.rawequal, core.getmetatable, core.setmetatable, core.tostring
local char, byte, sub, find, format, concat, floor, ldexp =
  core.char, core.byte, core.sub, core.find, core.format, core.concat, core.floor, core.ldexp

local HUGE, EXACT, MAX_DEPTH = 1 / 0, 2 ^ 53, 64
local NULL = core.newproxy(true)
local null_meta = getmetatable(NULL)
null_meta.__tostring = function() return "null" end
null_meta.__metatable = false
local answer_meta = {} -- tables that came from the host print readably; filled in by env, which also hides both
local array_meta = {} -- an empty table with it is an empty list, not an empty map
local secret_parts = core.secret_parts -- opaque userdata -> their parts, nil for anything else

local path = {} -- keys down to the value being encoded, for messages

local function bad(depth, what)
  local steps = {}
  for i = 1, depth do
    local key = path[i]
    if type(key) == "number" then steps[i] = "[" .. key .. "]"
    else steps[i] = (i > 1 and "." or "") .. tostring(key) end
  end
  local at = concat(steps, "", 1, depth)
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

local function number16(n) return char(floor(n / 256), n % 256) end
local function number32(n)
  return char(floor(n / 16777216), floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
end

local function text(s)
  local n = #s
  if find(s, "[\128-\255]") and not utf8_ok(s) then return "\198" .. number32(n) .. s end
  if n < 32 then return char(0xA0 + n) .. s end
  if n < 256 then return char(0xD9, n) .. s end
  if n < 65536 then return "\218" .. number16(n) .. s end
  return "\219" .. number32(n) .. s
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

local function head(n, small, code16)
  if n < 16 then return char(small + n) end
  if n < 65536 then return char(code16) .. number16(n) end
  return char(code16 + 1) .. number32(n)
end

local encode_value

local function encode_table(out, n, v, depth)
  if depth >= MAX_DEPTH then bad(3, "the table is nested more than 64 deep (or contains itself)") end
  local count, length = 0, #v
  for _ in next, v do count = count + 1 end
  local meta = getmetatable(v)
  if (count == length and count > 0) or (count == 0 and rawequal(meta, array_meta)) then
    out[n + 1] = head(count, 0x90, 0xDC)
    n = n + 1
    for i = 1, count do
      path[depth + 1] = i
      local item = rawget(v, i)
      if item == nil then bad(depth, "a list with a hole at " .. i) end
      n = encode_value(out, n, item, depth + 1)
    end
    return n
  end
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
    elseif kind == "userdata" and core.builder_of and core.builder_of(v) then
      bad(depth, "a builder cannot be sent; pass its id (" .. tostring(core.builder_of(v).resource) .. ".id after create())")
    else
      bad(depth, "a " .. (kind == "userdata" and "host value" or kind) .. " cannot be sent")
    end
  end
  return n + 1
end

local function encode(v)
  local kind = type(v)
  if kind == "string" then return text(v) end
  if kind == "boolean" then return v and "\195" or "\194" end
  local out = {}
  local n = encode_value(out, 0, v, 0)
  return n == 1 and out[1] or concat(out, "", 1, n)
end

-- encode_list(n, ...) packs n values as one list; nil becomes null.
local function encode_list(n, ...)
  local items, out = { ... }, { head(n, 0x90, 0xDC) }
  local m = 1
  for i = 1, n do
    path[1] = i
    m = encode_value(out, m, items[i], 1)
  end
  return concat(out, "", 1, m)
end

local data, pos
local decode_value

local function unsigned(n)
  local value = 0
  for i = pos, pos + n - 1 do value = value * 256 + byte(data, i) end
  pos = pos + n
  return value
end

local function slice(n)
  local s = sub(data, pos, pos + n - 1)
  pos = pos + n
  return s
end

local function list(n)
  local t = {}
  for i = 1, n do t[i] = decode_value() end
  return setmetatable(t, n == 0 and array_meta or answer_meta)
end

local function map(n)
  local t = {}
  for _ = 1, n do
    local key = decode_value()
    t[key] = decode_value()
  end
  if t.object == "list" and type(t.data) == "table" and core.page then return core.page(t) end
  return setmetatable(t, answer_meta)
end

local function float64()
  local a, b, c, d, e, f, g, h = byte(data, pos, pos + 7)
  pos = pos + 8
  local exponent = (a % 128) * 16 + floor(b / 16)
  local mantissa = (((((b % 16 * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g) * 256 + h
  local value
  if exponent == 0 then value = ldexp(mantissa, -1074)
  elseif exponent == 2047 then value = mantissa == 0 and HUGE or 0 / 0
  else value = ldexp(mantissa + 4503599627370496, exponent - 1075) end
  return a >= 128 and -value or value
end

local function signed(n)
  local value, limit = unsigned(n), 256 ^ n
  return value >= limit / 2 and value - limit or value
end

function decode_value()
  local b = byte(data, pos)
  pos = pos + 1
  if b < 0x80 then return b end
  if b < 0x90 then return map(b - 0x80) end
  if b < 0xA0 then return list(b - 0x90) end
  if b < 0xC0 then return slice(b - 0xA0) end
  if b == 0xC0 then return nil end
  if b == 0xC2 then return false end
  if b == 0xC3 then return true end
  if b == 0xD9 or b == 0xC4 then return slice(unsigned(1)) end
  if b == 0xDA or b == 0xC5 then return slice(unsigned(2)) end
  if b == 0xDB or b == 0xC6 then return slice(unsigned(4)) end
  if b == 0xCB then return float64() end
  if b >= 0xCC and b <= 0xCF then return unsigned(2 ^ (b - 0xCC)) end
  if b >= 0xD0 and b <= 0xD3 then return signed(2 ^ (b - 0xD0)) end
  if b == 0xDC then return list(unsigned(2)) end
  if b == 0xDD then return list(unsigned(4)) end
  if b == 0xDE then return map(unsigned(2)) end
  if b == 0xDF then return map(unsigned(4)) end
  if b == 0xC7 then -- extension 1: a float as its digits
    local n = unsigned(1)
    pos = pos + 1
    return core.tonumber(slice(n))
  end
  if b == 0xC9 then -- extension 2: a secret; only shown, never read
    slice(unsigned(4) + 1)
    return "[secret]"
  end
  return core.raise { kind = "unexpected", message = "the host sent a value of an unknown form" }
end

local function decode(bytes)
  local outer_data, outer_pos = data, pos
  data, pos = bytes, 1
  local value = decode_value()
  data, pos = outer_data, outer_pos
  return value
end

core.encode, core.encode_list, core.decode, core.text, core.head = encode, encode_list, decode, text, head
core.NULL, core.array_meta, core.answer_meta = NULL, array_meta, answer_meta
