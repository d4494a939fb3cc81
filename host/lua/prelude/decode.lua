-- MessagePack bytes to values. Trusts the bytes: the host made them.
local core = ...
local type, setmetatable = core.type, core.setmetatable
local byte, sub, floor, ldexp = core.string.byte, core.string.sub, core.math.floor, core.math.ldexp
local HUGE, LARGE = 1 / 0, 65536 -- bytes, as in bounds.lua
local answer_meta, array_meta = core.answer_meta, core.array_meta

local data, pos
local api -- whose answer is read: the lists inside it are pages
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
  if api and t.object == "list" and type(t.data) == "table" then return core.nested_page(t, api) end
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
  if b >= 0xE0 then return b - 256 end
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
  if #bytes > LARGE then core.announce(#bytes) end
  local outer_data, outer_pos = data, pos
  data, pos = bytes, 1
  local value = decode_value()
  data, pos = outer_data, outer_pos
  return value
end

-- The same of an answer of an API.
function core.decode_answer(bytes, name)
  api = name
  local value = decode(bytes)
  api = nil
  return value
end

core.decode = decode
