-- what: stack overflow inside an error handler
-- source: CVE-2020-24372 (LuaJIT, lj_err_run)
-- expect: ok
local function deep() return 1 + deep() end
local ok = xpcall(deep, function() return pcall(deep) end)
assert(not ok)
return "ok"
