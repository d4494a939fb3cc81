-- what: what one run leaves in its globals is not in the next (the host runs this twice)
-- source: Redis CVE-2022-24735
-- expect: ok
-- runs: 2
assert(rawget(_G, "left_behind") == nil and rawget(string, "left_behind") == nil and rawget(table, "left_behind") == nil)
assert(rawget(math, "left_behind") == nil and rawget(coroutine, "left_behind") == nil and rawget(bit, "left_behind") == nil)
left_behind, string.left_behind, table.left_behind, math.left_behind, coroutine.left_behind, bit.left_behind = 1, 1, 1, 1, 1, 1
return "ok"
