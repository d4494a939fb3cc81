-- what: JSON that grows when decoded, kept
-- source: CWE-400
-- expect: limit
local text = "[" .. ("{},"):rep(500000) .. "{}]"
local keep = {}
while true do keep[#keep + 1] = json.decode(text) end
