-- what: decoding and encoding for ever
-- source: CWE-400
-- expect: limit
local text = "[" .. ("1,"):rep(200000) .. "1]"
while true do json.encode(json.decode(text)) end
