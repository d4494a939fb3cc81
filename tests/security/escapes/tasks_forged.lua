-- what: things that only look like tasks
-- source: docs/security.md, threat model
-- expect: ok
for _, value in ipairs { 1, "x", {}, new_product(), STRIPE_API_KEY, setmetatable({}, { __index = function() return print end }) } do
  assert(not pcall(wait_any, value))
end
local wait = spawn(function() end).wait
for _, value in ipairs { 1, {}, new_product(), coroutine.create(print) } do assert(not pcall(wait, value)) end
return "ok"
