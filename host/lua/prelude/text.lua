-- Texts and lengths in MessagePack: all that a builder of texts needs. Tables and numbers: encode.lua.
local core = ...
local char, find, floor = core.string.char, core.string.find, core.math.floor

local function number16(n) return char(floor(n / 256), n % 256) end
local function number32(n)
  return char(floor(n / 16777216), floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
end

local function text(s)
  local n = #s
  if find(s, "[\128-\255]") and not core.utf8_ok(s) then return "\198" .. number32(n) .. s end
  if n < 32 then return char(0xA0 + n) .. s end
  if n < 256 then return char(0xD9, n) .. s end
  if n < 65536 then return "\218" .. number16(n) .. s end
  return "\219" .. number32(n) .. s
end

local function head(n, small, code16)
  if n < 16 then return char(small + n) end
  if n < 65536 then return char(code16) .. number16(n) end
  return char(code16 + 1) .. number32(n)
end

core.text, core.head, core.number16, core.number32 = text, head, number16, number32

-- Tables that came from the host print readably. An empty one with array_meta is an empty list, not an empty map.
local function show(answer) return core.env.inspect(answer) end
core.answer_meta, core.array_meta = { __tostring = show }, { __tostring = show }
