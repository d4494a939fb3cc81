-- What calls into C are charged, and how long a string may be.
--
-- Every C function runs to its end before the budget hook can fire, so the libraries call each only where its work is
-- bounded beforehand, and charge for that work: core.tick (which looks at the deadline and raises) runs once per
-- QUANTUM. A unit is about 8 ns, one step of the C pattern matcher.
local core = ...
local error, format = core.error, core.string.format

local LIMIT = core.limit_string -- bytes
local QUANTUM = 500000 -- units: about 4 ms

local tick, spent = core.tick, 0
local function charge(units)
  spent = spent + units
  if spent > QUANTUM then
    spent = 0
    tick()
  end
end
core.charge = charge

-- Refuses a result of `size` bytes over the limit of one string.
local function check_size(size, what)
  if size <= LIMIT then return charge(size / 8) end
  local message = format("string limit: the result of %s would be %.0f bytes or more, the limit is %.0f", what, size, LIMIT)
  if core.raise then return core.raise { kind = "limit", message = message } end
  error(message, 3)
end
core.check_size = check_size
