-- bit, a run's own.
local core = ...
local bit = {}
for name, value in core.next, core.bit do bit[name] = value end
for _, name in core.ipairs { "band", "bor", "bxor" } do bit[name] = core.few_digits(bit[name]) end
core.globals.bit = bit
