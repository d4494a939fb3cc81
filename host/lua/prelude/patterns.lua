-- Lua patterns matched in Lua: used by strings.lua where the C matcher might take too long.
--
-- Same answers and same errors as LuaJIT's lib_string.c, step by step, its limit of depth included. All loops
-- are Lua's, so the budget hook can stop them; what is left to C (runs of one item, the way to the next place
-- where the first item fits) is linear and charged. Sets host.matcher = { find match gmatch gsub }; subject
-- and pattern are strings, init a position from 1 to #s + 1.
local host = ...
local type, tonumber, error, pcall, unpack, select =
  host.type, host.tonumber, host.error, host.pcall, host.unpack, host.select
local byte, find, gmatch, sub, concat = host.string.byte, host.string.find, host.string.gmatch, host.string.sub, host.table.concat
local charge, class_end, alone, check_size = host.charge, host.class_end, host.alone, host.check_size

local MAX_DEPTH, MAX_CAPTURES = 200, 32 -- LJ_MAX_XLEVEL and LUA_MAXCAPTURES
local UNFINISHED, POSITION = -1, -2
local C_STEPS = 5000000 -- steps left to C at a time
local KEPT = 32

local SINGLE, MAX, PLUS, MIN, OPTION, OPEN, HERE, CLOSE, BALANCE, FRONTIER, BACK, TAIL, DONE, FAULT =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
local QUANTIFIERS = { [42] = MAX, [43] = PLUS, [45] = MIN, [63] = OPTION }

-- An error of the pattern travels as this one table and gets the script's position where it leaves.
local fault = {}
local function fail(message)
  fault.message = message
  return error(fault, 0)
end

-- Programs ---------------------------------------------------------------------------------------------

local EVERY = {}
for i = 0, 255 do EVERY[i + 1] = host.string.char(i) end
EVERY = concat(EVERY)

local sets, sets_kept = {}, 0

-- The characters an item matches, as byte → true.
local function set_of(item)
  local set = sets[item]
  if set then return set end
  set = {}
  local single = alone(item)
  if #item <= 256 then
    for c in gmatch(EVERY, single) do set[byte(c)] = true end
  else
    for i = 1, 256 do
      charge(#item)
      set[i - 1] = find(sub(EVERY, i, i), single) and true
    end
  end
  if sets_kept >= KEPT then sets, sets_kept = {}, 0 end
  sets[item], sets_kept = set, sets_kept + 1
  return set
end

-- One step of a program at p[i]: its operation, argument, text (of an item), and where the next begins.
local function step_at(p, i, last)
  local c, following = byte(p, i, i + 1)
  if i == last then following = nil end
  if c == 40 then
    if following == 41 then return HERE, nil, nil, i + 2 end
    return OPEN, nil, nil, i + 1
  elseif c == 41 then
    return CLOSE, nil, nil, i + 1
  elseif c == 36 and i == last then
    return TAIL, nil, nil, i + 1
  elseif c == 37 and following == 98 then
    if i + 3 > last then return FAULT, "unbalanced pattern" end
    return BALANCE, { byte(p, i + 2, i + 3) }, nil, i + 4
  elseif c == 37 and following == 102 then
    if i + 2 > last or byte(p, i + 2) ~= 91 then return FAULT, "missing '[' after '%f' in pattern" end
    local past, message = class_end(p, i + 2, last)
    if not past then return FAULT, message end
    return FRONTIER, set_of(sub(p, i + 2, past - 1)), nil, past
  elseif c == 37 and following and following >= 48 and following <= 57 then
    return BACK, following - 48, nil, i + 2
  end
  local past, message = class_end(p, i, last)
  if not past then return FAULT, message end
  local item = sub(p, i, past - 1)
  local quantifier = past <= last and QUANTIFIERS[byte(p, past)]
  return quantifier or SINGLE, set_of(item), item, quantifier and past + 1 or past
end

local programs, programs_kept = {}, 0

-- For each step the set of characters one of which must come next, where that is known: a repetition need not
-- try elsewhere. Not for patterns whose captures or depth are in error, which only trying brings out.
local function wanted_of(ops, args, n)
  local wanted, open, total, need = {}, 0, 0, nil
  for i = 1, n do
    if ops[i] == OPEN then open, total = open + 1, total + 1
    elseif ops[i] == HERE then total = total + 1
    elseif ops[i] == CLOSE then open = open - 1 end
    if open < 0 or ops[i] == FAULT then return wanted end
  end
  if open ~= 0 or total > MAX_CAPTURES or n >= MAX_DEPTH - 1 then return wanted end
  for i = n, 1, -1 do
    wanted[i] = need
    local op = ops[i]
    if op == SINGLE or op == PLUS then need = args[i]
    elseif op ~= OPEN and op ~= HERE and op ~= CLOSE then need = nil end
  end
  return wanted
end

-- ops, args and, for repeated items, runs (a pattern for C that takes the whole run); first: an item no match
-- can begin without.
local function program_of(p)
  local program = programs[p]
  if program then return program end
  local stop = find(p, "\0", 1, true)
  local last, anchored = stop and stop - 1 or #p, byte(p, 1) == 94
  local ops, args, runs, widths, first = {}, {}, {}, {}, nil
  local i, n, leading = anchored and 2 or 1, 0, true
  while i and i <= last do
    local op, arg, item, past = step_at(p, i, last)
    n = n + 1
    ops[n], args[n] = op, arg
    if item then
      local single = alone(item)
      runs[n], widths[n] = "^" .. single .. "*", #item
      if leading and (op == SINGLE or op == PLUS) and #item <= 32 then first = single end
    end
    if op ~= OPEN and op ~= HERE or n > 8 then leading = false end
    i = past
  end
  ops[n + 1] = DONE
  program = { ops = ops, args = args, runs = runs, widths = widths, first = first, anchored = anchored,
    wanted = wanted_of(ops, args, n) }
  if #p <= 256 then
    if programs_kept >= KEPT then programs, programs_kept = {}, 0 end
    programs[p], programs_kept = program, programs_kept + 1
  end
  return program
end

-- The matcher --------------------------------------------------------------------------------------------
-- One search at a time: nothing of a script runs within it. Captures stand until the next search.

local subject, size, ops, args, runs, widths, wanted
local level, depth = 0, 0
local starts, lengths = {}, {}
local attempt

-- Just past the run of item i that begins at pos.
local function run_end(i, pos)
  if (size - pos) * widths[i] <= C_STEPS then
    local _, e = find(subject, runs[i], pos)
    charge((e - pos) / 2)
    return e + 1
  end
  local set = args[i]
  while set[byte(subject, pos)] do pos = pos + 1 end
  return pos
end

-- Tries what follows item i at each end from `past` down to `least`.
local function longest_first(i, least, past)
  local need = wanted[i]
  while past >= least do
    if not need or need[byte(subject, past)] then
      local e = attempt(i + 1, past)
      if e then return e end
    end
    past = past - 1
  end
end

local function shortest_first(i, pos)
  local set, need = args[i], wanted[i]
  while true do
    if not need or need[byte(subject, pos)] then
      local e = attempt(i + 1, pos)
      if e then return e end
    end
    if not set[byte(subject, pos)] then return nil end
    pos = pos + 1
  end
end

local function balanced(pair, pos)
  local open, close, inside = pair[1], pair[2], 1
  if byte(subject, pos) ~= open then return nil end
  for i = pos + 1, size do
    local c = byte(subject, i)
    if c == close then
      inside = inside - 1
      if inside == 0 then return i + 1 end
    elseif c == open then
      inside = inside + 1
    end
  end
end

local function repeated(index, pos)
  local length = lengths[index]
  if index < 1 or index > level or length == UNFINISHED then fail("invalid capture index") end
  if length == POSITION or size - pos + 1 < length then return nil end
  local start = starts[index]
  for i = 0, length - 1, 4096 do
    local most = i + 4095 < length and i + 4095 or length - 1
    if sub(subject, start + i, start + most) ~= sub(subject, pos + i, pos + most) then return nil end
  end
  return pos + length
end

local function opened(i, pos, length)
  if level >= MAX_CAPTURES then fail("too many captures") end
  level = level + 1
  starts[level], lengths[level] = pos, length
  local e = attempt(i + 1, pos)
  if not e then level = level - 1 end
  return e
end

local function closed(i, pos)
  local index = level
  while index > 0 and lengths[index] ~= UNFINISHED do index = index - 1 end
  if index == 0 then fail("invalid pattern capture") end
  lengths[index] = pos - starts[index]
  local e = attempt(i + 1, pos)
  if not e then lengths[index] = UNFINISHED end
  return e
end

local function at_frontier(set, pos)
  local before = pos > 1 and byte(subject, pos - 1) or 0
  return not set[before] and set[byte(subject, pos) or 0]
end

-- Matches from step i at pos: the position past the match, or nil. As deep as C's match() at every step.
function attempt(i, pos)
  depth = depth + 1
  if depth > MAX_DEPTH then fail("pattern too complex") end
  local e
  while true do
    local op = ops[i]
    if op == SINGLE then
      if not args[i][byte(subject, pos)] then break end
      pos = pos + 1
    elseif op == OPTION then
      if args[i][byte(subject, pos)] then
        e = attempt(i + 1, pos + 1)
        if e then break end
      end
    elseif op == BALANCE then
      pos = balanced(args[i], pos)
      if not pos then break end
    elseif op == FRONTIER then
      if not at_frontier(args[i], pos) then break end
    elseif op == BACK then
      pos = repeated(args[i], pos)
      if not pos then break end
    else
      if op == MAX then e = longest_first(i, pos, run_end(i, pos))
      elseif op == PLUS then e = args[i][byte(subject, pos)] and longest_first(i, pos + 1, run_end(i, pos)) or nil
      elseif op == MIN then e = shortest_first(i, pos)
      elseif op == OPEN then e = opened(i, pos, UNFINISHED)
      elseif op == HERE then e = opened(i, pos, POSITION)
      elseif op == CLOSE then e = closed(i, pos)
      elseif op == DONE or op == TAIL and pos == size + 1 then e = pos
      elseif op == FAULT then fail(args[i]) end
      break
    end
    i = i + 1
  end
  depth = depth - 1
  return e
end

-- First and last position of the first match at or after pos, or nil.
local function search(s, p, pos)
  local program = program_of(p)
  local first, anchored = program.first, program.anchored
  subject, size, ops, args, runs = s, #s, program.ops, program.args, program.runs
  widths, wanted = program.widths, program.wanted
  repeat
    if first and not anchored and (size - pos) * #first <= C_STEPS then
      local at = find(s, first, pos)
      charge(((at or size) - pos) / 2)
      if not at then return nil end
      pos = at
    end
    level, depth = 0, 0
    local e = attempt(1, pos)
    if e then return pos, e - 1 end
    pos = pos + 1
  until anchored or pos > size + 1
end

-- Capture i of the match b … e; the whole match where the pattern has no captures.
local function capture(i, b, e)
  if i > level then
    if i ~= 1 then fail("invalid capture index") end
    return sub(subject, b, e)
  end
  local length = lengths[i]
  if length == UNFINISHED then fail("unfinished capture") end
  if length == POSITION then return starts[i] end
  return sub(subject, starts[i], starts[i] + length - 1)
end

local function captures(n, b, e)
  if n == 1 then return capture(1, b, e) end
  local values = {}
  for i = 1, n do values[i] = capture(i, b, e) end
  return unpack(values, 1, n)
end

-- What a script calls ------------------------------------------------------------------------------------
-- All are tail-called, so level 2 is the script's own line.

local function result(ok, ...)
  if ok then return ... end
  local problem = ...
  if problem == fault then error(fault.message, 2) end
  return error(problem, 0)
end

local matcher = {}
host.matcher = matcher

local function found(b, e)
  if not b then return nil end
  return b, e, captures(level, b, e)
end
local function search_find(s, p, init) return found(search(s, p, init)) end

function matcher.find(s, p, init) return result(pcall(search_find, s, p, init)) end

local function search_match(s, p, init)
  local b, e = search(s, p, init)
  if not b then return nil end
  return captures(level > 0 and level or 1, b, e)
end

function matcher.match(s, p, init) return result(pcall(search_match, s, p, init)) end

function matcher.gmatch(s, p)
  local pos = 1
  local function following()
    local b, e = search(s, p, pos)
    if not b then
      pos = #s + 2
      return
    end
    pos = e >= b and e + 1 or b + 1
    return captures(level > 0 and level or 1, b, e)
  end
  return function()
    if pos > #s + 1 then return end
    return result(pcall(following))
  end
end

-- A replacement text as a list of strings and capture numbers.
local function parts_of(text)
  local parts, n, i = {}, 0, 1
  while true do
    local at = find(text, "%", i, true)
    n = n + 1
    parts[n] = sub(text, i, (at or 0) - 1)
    if not at then return parts, n end
    local c = byte(text, at + 1)
    n = n + 1
    if c and c >= 48 and c <= 57 then parts[n] = c - 48
    else parts[n] = c and sub(text, at + 1, at + 1) or "\0" end
    i = at + 2
  end
end

local function expanded(parts, n, b, e)
  local out, total = {}, 0
  for i = 1, n do
    local part = parts[i]
    if part == 0 then part = sub(subject, b, e)
    elseif type(part) == "number" then part = capture(part, b, e) .. "" end
    out[i], total = part, total + #part
    if total > 65536 then check_size(total, "string.gsub") end
  end
  return concat(out, "", 1, n)
end

-- The next match and what the replacement needs of it: its text, its key, its one argument or nil and all.
local function next_match(s, p, pos, kind, parts, n)
  local b, e = search(s, p, pos)
  if not b then return nil end
  if kind == "string" then return b, e, expanded(parts, n, b, e) end
  if kind == "table" or level < 2 then return b, e, (capture(1, b, e)) end
  return b, e, nil, { n = level, captures(level, b, e) }
end

-- The same of a match by the C matcher, called by pcall so that its errors have no position yet.
local function from_c(s, kind, ok, b, e, ...)
  if not ok or not b then return ok, b end
  local count = select("#", ...)
  if count == 0 then return ok, b, e, sub(s, b, e) end
  if count == 1 or kind == "table" then return ok, b, e, (...) end
  return ok, b, e, nil, { n = count, ... }
end

-- Text put together from many pieces.
local function writer()
  local pieces, n, chunks, total = {}, 0, {}, 0
  local function add(piece)
    n, total = n + 1, total + #piece
    pieces[n] = piece
    if n == 1024 then
      check_size(total, "string.gsub")
      chunks[#chunks + 1], n = concat(pieces, "", 1, n), 0
    end
  end
  local function finish()
    check_size(total, "string.gsub")
    chunks[#chunks + 1] = concat(pieces, "", 1, n)
    return concat(chunks)
  end
  return add, finish
end

-- How C reads the count: whole, and modulo 2^32.
local function int32(number)
  if number ~= number or number >= 2 ^ 63 or number < -2 ^ 63 then return 0 end
  number = number - number % 1 + ((number < 0 and number % 1 > 0) and 1 or 0)
  number = number % 2 ^ 32
  return number >= 2 ^ 31 and number - 2 ^ 32 or number
end

-- in_c: the pattern is one the C matcher may have; what is replaced comes from calls C must not make.
function matcher.gsub(s, p, repl, most, in_c)
  local kind, anchored, pos, count = type(repl), byte(p, 1) == 94, 1, 0
  local add, finish = writer()
  local parts, n
  if kind == "string" then parts, n = parts_of(repl) end
  if in_c then p = sub(p, 1, (find(p, "\0", 1, true) or 0) - 1) end -- as gsub reads it; find might read on
  most = most == nil and #s + 1 or int32(tonumber(most))
  while count < most do
    local ok, b, e, value, all
    if in_c then ok, b, e, value, all = from_c(s, kind, pcall(find, s, p, pos))
    else ok, b, e, value, all = pcall(next_match, s, p, pos, kind, parts, n) end
    if not ok then
      if b == fault then error(fault.message, 2) end
      error(b, in_c and type(b) == "string" and b ~= "not enough memory" and 2 or 0)
    end
    if not b then break end
    count = count + 1
    if kind == "table" then value = repl[value]
    elseif all then value = repl(unpack(all, 1, all.n))
    elseif kind == "function" then value = repl(value) end
    if not value then value = sub(s, b, e)
    elseif type(value) == "number" then value = value .. ""
    elseif type(value) ~= "string" then error("invalid replacement value (a " .. type(value) .. ")", 2) end
    add(sub(s, pos, b - 1))
    add(value)
    pos = b
    if e >= b then
      pos = e + 1
    elseif b <= #s then
      add(sub(s, b, b))
      pos = b + 1
    else
      break
    end
    if anchored then break end
  end
  add(sub(s, pos))
  return finish(), count
end

return matcher
