-- inspect: a value as text one can read, keys sorted, cycles named.
local core = ...
local type, next, rawget, to_text = core.type, core.next, core.rawget, core.to_text
local concat, format, floor = core.table.concat, core.string.format, core.math.floor

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
    local whole, page_fields = value, rawget(core, "page_fields")
    if page_fields then value = page_fields(value) end
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
    seen[whole] = nil
    if n == 0 then return "{}" end
    local flat = concat(parts, ", ", 1, n)
    if #flat <= 76 and not core.string.find(flat, "\n") then return "{ " .. flat .. " }" end
    return "{\n" .. inner .. concat(parts, ",\n" .. inner, 1, n) .. "\n" .. indent .. "}"
  end
  if kind == "function" then return "<function>" end
  if kind == "thread" then return "<coroutine>" end
  return to_text(value)
end
function core.inspect(value) return show(value, "", 0, {}, { left = 10000 }) end
core.globals.inspect = core.inspect
