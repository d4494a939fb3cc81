-- clock: the simulator's time, for tests of what happens later.
local asked, only_while_running, taped = ...
local time, type, tostring, MOST = os.time, type, tostring, 2 ^ 53
local passed = 0 -- seconds, of clock.advance

-- With a cassette the time is that of the recorded run, as readings of the clock are recorded.
local function now()
  if taped then return time() + passed end
  return asked("clock.now")
end

clock = {
  now = function()
    only_while_running("clock.now")
    return now()
  end,
  advance = function(amount)
    only_while_running("clock.advance")
    if type(amount) == "number" and not (amount > -MOST and amount < MOST) then amount = tostring(amount) end -- nan
    passed = passed + asked("clock.advance", amount, taped and now() or nil)
    return now()
  end,
}
