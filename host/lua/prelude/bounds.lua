-- What calls into C cost, and how long a string may be.
--
-- Every C function runs to its end before the budget hook can fire, so the libraries call each only where its work is
-- bounded beforehand, and charge for that work: core.tick (which looks at the deadline and raises) runs once per
-- QUANTUM. A unit is about 8 ns, one step of the C pattern matcher.
local core = ...
local type, select, error, format, count = core.type, core.select, core.error, core.string.format, core.collectgarbage

local LIMIT = core.limit_string -- bytes
local FEW, DIGITS = 4, 1000000 -- arguments that are not looked at, and bytes of digits in more of them
local QUANTUM = 500000 -- units: about 4 ms
local HUGE = 1000000 -- bytes, from which on the clock is looked at closely
local LARGE = 65536 -- bytes; smaller strings are what the budget hook reckons with

local tick, spent = core.tick, 0

-- A string of `size` bytes is about to be made: it must fit, and work on it will take time in proportion to its size.
local function announce(size)
  local used = count("count") + size / 1024
  if used > core.limit_memory / 1024 + core.run.spare then return core.full(size / 1024) end
  used = used + size / 1024 -- with the buffer it is assembled in
  if size > HUGE then return core.expect(used) end
  return core.pace(used)
end
core.announce = announce

local function charge(units)
  spent = spent + units
  if spent > QUANTUM then
    spent = 0
    tick()
  end
end
core.charge = charge

-- A function of C that reads each of its arguments as a number, a string of digits too: that takes time by its size.
function core.few_digits(fn)
  return function(...)
    local n = select("#", ...)
    if n > FEW then
      local given, size = { ... }, 0
      for i = 1, n do
        if type(given[i]) == "string" then size = size + #given[i] end
      end
      if size > DIGITS then error(format("the arguments are %.0f bytes of digits; at most %.0f are read at once", size, DIGITS), 2) end
    end
    return fn(...)
  end
end

-- Refuses a result of `size` bytes over the limit of one string, or for which there is no memory.
local function check_size(size, what)
  if size <= LIMIT then
    if size > LARGE then announce(size) end
    return charge(size / 8)
  end
  local message = format("string limit: the result of %s would be %.0f bytes or more, the limit is %.0f", what, size, LIMIT)
  if core.raise then return core.raise { kind = "limit", message = message } end
  error(message, 3)
end
core.check_size = check_size
