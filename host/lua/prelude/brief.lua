-- core.brief(value): a value in a few words, for messages. It calls nothing of a script's, and two processes give the same.
local core = ...
local type, next, rawget = core.type, core.next, core.rawget
local find, format, gsub, sub = core.string.find, core.string.format, core.string.gsub, core.string.sub
local concat = core.table.concat
local LONGEST, MOST_SHOWN, MOST_KEYS = 40, 3, 50

local function cut(text)
  if #text > LONGEST then
    local n = LONGEST
    while n > LONGEST - 4 and find(text, "^[\128-\191]", n + 1) do n = n - 1 end -- not within a character
    text = sub(text, 1, n) .. "…"
  end
  return (gsub(text, "[%c]", "?"))
end

local function plain(value)
  local kind = type(value)
  if kind == "string" then return '"' .. cut(value) .. '"' end
  if kind == "number" then return format("%.14g", value) end
  if kind == "userdata" then return cut(core.to_text(value)) end
  if kind == "boolean" or kind == "nil" then return value and "true" or value == nil and "nil" or "false" end
  return "a " .. kind
end

local function by_name(a, b)
  if a == "id" or b == "id" then return a == "id" and b ~= "id" end
  return a < b
end

function core.brief(value)
  if type(value) ~= "table" then return plain(value) end
  local length, names, n, seen, out = #value, {}, 0, 0, {}
  for key, item in next, value do
    seen = seen + 1
    if seen > MOST_KEYS then break end
    local kind = type(item)
    if type(key) == "string" and (kind == "string" or kind == "number" or kind == "boolean") then
      n = n + 1
      names[n] = key
    end
  end
  if seen > MOST_KEYS then n, names = rawget(value, "id") ~= nil and length == 0 and 1 or 0, { "id" } end
  if length > 0 then
    for i = 1, length < MOST_SHOWN and length or MOST_SHOWN do out[i] = plain(rawget(value, i)) end
  else
    core.table.sort(names, by_name)
    for i = 1, n < MOST_SHOWN and n or MOST_SHOWN do out[i] = cut(names[i]) .. " = " .. plain(rawget(value, names[i])) end
  end
  if seen > #out then out[#out + 1] = "…" end
  return "{" .. concat(out, ", ") .. "}"
end
