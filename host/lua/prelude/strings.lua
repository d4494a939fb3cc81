-- The string library that scripts get.
--
-- Work in C is bounded beforehand and charged (bounds.lua). A pattern whose worst case on this subject is over BUDGET
-- goes to patterns.lua: same answers and errors, in Lua, so it can be stopped.
--
-- Nor may C call back into a script: each level takes C's stack, and LuaJIT has no guard there (gsub calling
-- gsub, tostring calling tostring end the process). So callbacks and metamethods are called from Lua.
--
-- Takes core's captured originals; sets core.strings, and what patterns.lua needs.
local host = ...
local type, select, tonumber, unpack, next = host.type, host.select, host.tonumber, host.unpack, host.next
local string, floor, concat = host.string, host.math.floor, host.table.concat
local byte, find, format, gmatch, gsub, match, rep, sub =
  string.byte, string.find, string.format, string.gmatch, string.gsub, string.match, string.rep, string.sub
local to_text, charge, check_size = host.to_text, host.charge, host.check_size
local lower, reverse, upper = string.lower, string.reverse, string.upper

local LIMIT = host.limit_string -- bytes
local BUDGET = 10000000 -- units: about 80 ms
local FREE = 500 -- units too few to charge
local KEPT, LONGEST = 64, 256 -- analysed patterns kept, and the longest worth keeping

-- A string argument as C takes it: a number is one too. Anything else stays for the C function to refuse.
local function text(value)
  if type(value) == "number" then return value .. "" end
  return value
end

-- How a pattern behaves at worst ----------------------------------------------------------------------

-- Just past the single-character item at p[i], or nil and the error. `last` is the pattern's last byte.
local function class_end(p, i, last)
  local c = byte(p, i)
  if c == 37 then -- %
    if i >= last then return nil, "malformed pattern (ends with '%')" end
    return i + 2
  elseif c ~= 91 then -- [
    return i + 1
  end
  i = i + 1
  if byte(p, i) == 94 then i = i + 1 end
  repeat
    if i > last then return nil, "malformed pattern (missing ']')" end
    c, i = byte(p, i), i + 1
    if c == 37 and i <= last then i = i + 1 end
  until i <= last and byte(p, i) == 93
  return i + 1
end
host.class_end = class_end

local SINGLE, SCAN, TEST = 1, 2, 3 -- one character · looks at up to all of the subject · looks, takes nothing
local REPEATS = { [42] = true, [43] = true, [45] = true, [63] = true } -- * + - ?

-- The items of p from p[i] to p[last]: what each is, its text, its quantifier; and whether all captures close.
local function items_of(p, i, last)
  local kinds, texts, quantifiers, count, open = {}, {}, {}, 0, 0
  while i <= last do
    local c, following = byte(p, i, i + 1)
    if c == 40 then
      if following == 41 and i < last then i = i + 2 else open, i = open + 1, i + 1 end
    elseif c == 41 then
      open, i = open - 1, i + 1
    else
      local kind, past, quantifier = SINGLE, nil, nil
      if c == 36 and i == last then kind, past = TEST, i + 1
      elseif c == 37 and following == 98 then kind, past = SCAN, i + 4
      elseif c == 37 and following == 102 then kind, past = TEST, class_end(p, i + 2, last)
      elseif c == 37 and following and following >= 48 and following <= 57 then kind, past = SCAN, i + 2
      else
        past = class_end(p, i, last)
        if past and past <= last and REPEATS[byte(p, past)] then quantifier = byte(p, past) end
      end
      if not past then break end -- malformed: the matcher ends with an error when it gets here
      count = count + 1
      kinds[count], texts[count], quantifiers[count] = kind, sub(p, i, past - 1), quantifier
      i = quantifier and past + 1 or past
    end
  end
  return count, kinds, texts, quantifiers, open == 0
end

local every = {}
for i = 0, 255 do every[i + 1] = string.char(i) end
local EVERY = concat(every)
every = nil

-- A single-character item that means the same as a whole pattern.
local function alone(item)
  if #item == 1 and find(item, "[%p%z]") and item ~= "." then return item == "\0" and "%z" or "%" .. item end
  return item
end
host.alone = alone

-- Whether no character matches both items (then a repetition before the other has one end only).
local function disjoint(a, b)
  if #a + #b > 64 then return false end
  local rest = gsub(EVERY, alone(a), "")
  local _, in_rest = gsub(rest, alone(b), "")
  local _, in_all = gsub(EVERY, alone(b), "")
  return in_rest == in_all
end

local free, degree, weight, kept = {}, {}, {}, 0

-- The matcher's steps on n characters: at most weight × (n + degree over degree).
local function bound(d, w, n)
  for i = 1, d do
    w = w * (n + i) / i
    if w > BUDGET then break end
  end
  return w
end

-- Repetitions before an item that can fail make the matcher come back: each multiplies the ways by n, but
-- for one whose next item takes none of its characters. Behind the last item that can fail none comes back.
local function analyse(p)
  local stop = find(p, "\0", 1, true)
  local last = stop and stop - 1 or #p
  local anchored = byte(p, 1) == 94
  local count, kinds, texts, quantifiers, closed = items_of(p, anchored and 2 or 1, last)
  local fails = 0
  for i = 1, count do
    if not quantifiers[i] or quantifiers[i] == 43 then fails = i end
  end
  local ways, scans, widest, run, longest, doubled = 0, 0, 1, 0, 0, 1
  for i = 1, count do
    local quantifier = quantifiers[i]
    if #texts[i] > widest then widest = #texts[i] end
    run = quantifier and 0 or run + 1
    if run > longest then longest = run end
    if kinds[i] == SCAN then scans = 1 end
    if quantifier and i < fails then
      local next_one = quantifiers[i + 1]
      local single_way = kinds[i + 1] == SINGLE and (not next_one or next_one == 43) and disjoint(texts[i], texts[i + 1])
      if single_way then scans = 1
      elseif quantifier == 63 then doubled = doubled * 2
      else ways = ways + 1 end
    end
  end
  local d, w = ways + scans + (anchored and 0 or 1), widest * (1 + longest) * doubled
  if d == 0 then d = 1 end
  if not closed then w = BUDGET + 1 end -- its errors depend on what is asked of the captures: patterns.lua knows
  local n = 1
  while bound(d, w, n) <= FREE do n = n * 2 end
  n = floor(n / 2) -- 0: nothing is free
  if n < 1 then n = -1 end
  if #p <= LONGEST then
    if kept >= KEPT then free, degree, weight, kept = {}, {}, {}, 0 end
    free[p], degree[p], weight[p], kept = n, d, w, kept + 1
  end
  return n, d, w
end

-- Whether the C matcher may have p on n characters; charges for it.
local function bounded(p, n)
  local most, d, w = free[p], degree[p], weight[p]
  if not most then most, d, w = analyse(p) end
  if n <= most then return true end
  local cost = bound(d, w, n)
  if cost > BUDGET then return false end
  charge(cost)
  return true
end

-- What of a subject of n characters lies behind init.
local function remaining(n, init)
  if type(init) ~= "number" then return n end
  if init > 0 and init <= n then return n - init + 1 end
  if init < 0 and -init < n then return -init end
  return n
end

-- Plain search: a long needle is looked for by its head, then compared piece by piece.
local function find_plain(s, p, init)
  local n, size = remaining(#s, init), #p
  local cost = n / 32 + n * size / 100
  if cost <= BUDGET or size <= 32 then
    charge(cost)
    return find(s, p, init, true)
  end
  local at, head = find(s, "", init, true), sub(p, 1, 32)
  while true do
    local start = at
    at = find(s, head, at, true)
    charge(((at or #s) - start) / 3)
    if not at or at + size - 1 > #s then return nil end
    local i = 32
    while i < size and sub(s, at + i, at + i + 4095) == sub(p, i + 1, i + 4096) do i = i + 4096 end
    if i >= size then return at, at + size - 1 end
    -- The last piece of the needle is shorter than that of the subject.
    if i + 4096 > size and sub(s, at + i, at + size - 1) == sub(p, i + 1) then return at, at + size - 1 end
    at = at + 1
  end
end

local strings = { byte = byte, char = host.few_digits(string.char), len = string.len, sub = sub }

-- Both strings, and a start the C function would take; anything else is left for it to refuse.
local function sound(s, p, init)
  return type(s) == "string" and type(p) == "string" and (init == nil or tonumber(init))
end

function strings.find(s, p, init, plain)
  if type(s) ~= "string" or type(p) ~= "string" then s, p = text(s), text(p) end
  if not sound(s, p, init) then return find(s, p, init, plain) end
  local most = free[p]
  if most and #s <= most or plain and #s * (#p + 3) <= 20000 then return find(s, p, init, plain) end
  if plain or not find(p, "[%^%$%*%+%?%.%(%[%%%-]") then return find_plain(s, p, init) end
  if bounded(p, remaining(#s, init)) then return find(s, p, init) end
  return host.matcher.find(s, p, find(s, "", init, true))
end

function strings.match(s, p, init)
  if type(s) ~= "string" or type(p) ~= "string" then s, p = text(s), text(p) end
  if not sound(s, p, init) then return match(s, p, init) end
  local most = free[p]
  if most and #s <= most or bounded(p, remaining(#s, init)) then return match(s, p, init) end
  return host.matcher.match(s, p, find(s, "", init, true))
end

function strings.gmatch(s, p)
  s, p = text(s), text(p)
  if type(s) ~= "string" or type(p) ~= "string" then return gmatch(s, p) end
  local meant = byte(p, 1) == 94 and "%" .. p or p -- ^ is no anchor here
  if bounded(meant, #s) then return gmatch(s, p) end
  return host.matcher.gmatch(s, meant)
end

function strings.gsub(s, p, repl, most)
  s, p, repl = text(s), text(p), text(repl)
  local kind = type(repl)
  if type(s) ~= "string" or type(p) ~= "string" or most ~= nil and not tonumber(most)
    or not (kind == "string" or kind == "table" or kind == "function") then
    return gsub(s, p, repl, most)
  end
  if bounded(p, #s) then
    if kind ~= "string" then return host.matcher.gsub(s, p, repl, most, true) end
    local size = #s * (1 + #repl) * 2 -- at most, were every other byte of repl a %
    if size > 20000 then
      local _, references = gsub(repl, "%%", "")
      size = #s * (1 + references) + (#s + 1) * #repl
    end
    if size <= LIMIT then
      charge(size / 64)
      return gsub(s, p, repl, most)
    end
  end
  return host.matcher.gsub(s, p, repl, most)
end

function strings.rep(s, n, separator)
  s, separator = text(s), text(separator)
  local count = tonumber(n)
  if type(s) == "string" and count and count > 1 and (separator == nil or type(separator) == "string") then
    check_size((#s + #(separator or "")) * count - #(separator or ""), "string.rep")
  end
  return rep(s, n, separator)
end

-- Objects are turned to text here, where what their __tostring gives can be measured.
local function shown(pattern, values)
  local i = 0
  for letter in gmatch(pattern, "%%[^%a%%]*(.)") do
    if letter ~= "%" then
      i = i + 1
      local kind = type(values[i])
      if letter == "s" and (kind == "table" or kind == "userdata") then values[i] = to_text(values[i]) end
    end
  end
end

function strings.format(pattern, ...)
  pattern = text(pattern)
  if type(pattern) ~= "string" then return format(pattern, ...) end
  local n = select("#", ...)
  if n <= 2 then
    local a, b = ...
    local kind_a, kind_b = type(a), type(b)
    if kind_a ~= "table" and kind_a ~= "userdata" and kind_b ~= "table" and kind_b ~= "userdata"
      and #pattern + (kind_a == "string" and #a or 0) + (kind_b == "string" and #b or 0) < 4096 then
      return format(pattern, ...)
    end
  end
  local values = { ... }
  for i = 1, n do
    local kind = type(values[i])
    if kind == "table" or kind == "userdata" then
      shown(pattern, values)
      break
    end
  end
  local size = 0
  for i = 1, n do
    if type(values[i]) == "string" then size = size + #values[i] end
  end
  if size > LIMIT / 8 and find(pattern, "%%[^%a%%]*q") then size = size * 4 end -- an escape is up to four characters
  check_size(#pattern + size + 512 * n, "string.format")
  return format(pattern, unpack(values, 1, n))
end

for name, convert in next, { lower = lower, reverse = reverse, upper = upper } do
  strings[name] = function(s)
    if type(s) == "string" then charge(#s / 8) end
    return convert(s)
  end
end

host.strings, host.globals.string = strings, strings
