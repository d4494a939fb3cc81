-- math, a run's own: what it sets there stays there, and its random numbers begin anew.
local core = ...
local math = {}
for name, value in core.next, core.math do math[name] = value end
for _, name in core.ipairs { "max", "min" } do math[name] = core.few_digits(math[name]) end
math.randomseed(core.tonumber(core.tool("seed")))
core.globals.math = math
