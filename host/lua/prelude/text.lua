-- Texts and lengths in MessagePack: all that a builder of texts needs. Long ones: long.lua; tables, numbers: encode.lua.
local core = ...
local find, char = string.find, string.char
local ASCII = "^[^\128-\255]*$" -- takes a third of the time of a search for other bytes
core.ASCII = ASCII

-- The second value is true where that is not UTF-8.
function core.text(s)
  local n = #s
  if n > 255 or not find(s, ASCII) and not core.utf8_ok(s) then return core.long_text(s) end
  return n < 32 and char(0xA0 + n) .. s or char(0xD9, n) .. s
end

function core.head(n, small, code16)
  if n < 16 then return char(small + n) end
  return core.long_head(n, code16)
end
