-- what: a handler that starts the next loop from inside pcall
-- source: Splash
-- expect: limit
local function spin() while true do end end
local function keep() local ok = pcall(spin) return keep() end
keep()
