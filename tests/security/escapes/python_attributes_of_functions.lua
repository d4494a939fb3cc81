-- what: host functions are no Python objects: no __globals__, no __class__
-- source: lupa issue tracker: attribute access on wrapped callables
-- expect: ok
for _, f in ipairs { print, require, sleep, new_product, tostring } do
  assert(type(f) == "function")
  local ok = pcall(function() return f.__globals__ end)
  assert(not ok)
end
return "ok"
