-- The table library that scripts get: one for each run, with limits on what can build or shift something large.
local core = ...
local type, select, tonumber, error, unpack, rawget, rawset, next =
  core.type, core.select, core.tonumber, core.error, core.unpack, core.rawget, core.rawset, core.next
local pcall, gsub = core.pcall, core.string.gsub
local floor, charge, check_size, LIMIT = core.math.floor, core.charge, core.check_size, core.limit_string
local concat, insert, maxn, sort = core.table.concat, core.table.insert, core.table.maxn, core.table.sort

local tables = {}
for name, value in next, core.table do tables[name] = value end
tables.getn, tables.setn, tables.foreach, tables.foreachi = nil, nil, nil, nil
tables.unpack = unpack
function tables.pack(...) return { n = select("#", ...), ... } end

-- A place as C takes it: cut towards 0, all that it has no room for as one. Anything else stays for it to refuse.
local function place(value)
  local n = tonumber(value)
  if not n then return value end
  if not (n > -2147483649 and n < 2147483648) then return -2147483648 end
  return n < 0 and -floor(-n) or floor(n)
end

function tables.concat(t, separator, i, j)
  if type(t) == "table" then
    local size, gap = 0, type(separator) == "string" and #separator or 24
    i, j = place(i), place(j)
    for k = type(i) == "number" and i or 1, type(j) == "number" and j or #t do
      local value = rawget(t, k)
      local kind = type(value)
      if kind == "string" then size = size + #value + gap
      elseif kind == "number" then size = size + 24 + gap
      else break end
      if size - gap > LIMIT then break end
    end
    check_size(size - gap, "table.concat")
  end
  return concat(t, separator, i, j)
end

local function less(a, b) return a < b end

-- A failed comparison is reported at the script's line, not in this file.
local function sorted_or_error(ok, sorted)
  if ok then return sorted end
  if type(sorted) == "string" then sorted = gsub(sorted, "^host:%d+: ", "") end
  return error(sorted, 0)
end

-- Sorts list[1 … n] by merging runs: n log n comparisons whatever `before` answers.
local function merge_sort(list, n, before)
  local from, to, width = list, {}, 1
  while width < n do
    for low = 1, n, 2 * width do
      local middle, high = low + width, low + 2 * width
      if middle > n + 1 then middle = n + 1 end
      if high > n + 1 then high = n + 1 end
      local i, j = low, middle
      for k = low, high - 1 do
        if i < middle and (j >= high or not before(from[j], from[i])) then
          to[k], i = from[i], i + 1
        else
          to[k], j = from[j], j + 1
        end
      end
    end
    from, to, width = to, from, width * 2
  end
  return from
end

-- C's quicksort takes n² steps on a list made for it, and calls back (`before`, or __lt where it is not given numbers or
-- strings only); it has short lists of plain values.
function tables.sort(t, before)
  if type(t) ~= "table" or before ~= nil and type(before) ~= "function" then return sort(t, before) end
  local n, copy, kind = #t, {}, nil
  for i = 1, n do
    copy[i] = rawget(t, i)
    local this = type(copy[i])
    if kind == nil then kind = this elseif kind ~= this then kind = "mixed" end
  end
  if not before and n <= 1000 and (kind == "number" or kind == "string") then
    charge(n * n / 8)
    return sort(t)
  end
  local sorted = before and merge_sort(copy, n, before) or sorted_or_error(pcall(merge_sort, copy, n, less))
  for i = 1, n do rawset(t, i, sorted[i]) end
end

function tables.insert(t, ...)
  if type(t) == "table" and select("#", ...) == 2 then
    local n, at = #t, tonumber((...))
    if at and not (at > n - 16777216 and at < 2147483648) then -- C would shift thousands of millions of holes
      error("bad argument #2 to 'insert' (position out of bounds)", 2)
    end
    charge(at and at <= n and (n - at) / 4 or 0)
  end
  return insert(t, ...)
end

function tables.maxn(t)
  charge(100000) -- it walks the whole table, holes too, whose number is not known
  return maxn(t)
end

core.globals.table = tables
