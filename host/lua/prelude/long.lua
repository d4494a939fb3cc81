-- What does not fit into one byte of MessagePack: longer texts, texts that are not UTF-8, longer lists and maps.
local core = ...
local char, floor = core.string.char, core.math.floor

local function number16(n) return char(floor(n / 256), n % 256) end
local function number32(n)
  return char(floor(n / 16777216), floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
end
core.number16, core.number32 = number16, number32

function core.long_text(s)
  local n = #s
  if core.string.find(s, "[\128-\255]") and not core.utf8_ok(s) then return "\198" .. number32(n) .. s, true end
  if n < 256 then return char(0xD9, n) .. s end
  if n < 65536 then return "\218" .. number16(n) .. s end
  return "\219" .. number32(n) .. s
end

function core.long_head(n, code16)
  if n < 65536 then return char(code16) .. number16(n) end
  return char(code16 + 1) .. number32(n)
end
