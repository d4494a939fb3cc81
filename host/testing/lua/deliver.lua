-- deliver: has a handler script handle an event in a separate run on the test's host.
local ask, place, only_in_a_test = ...
local type, pcall, rawget, error = type, pcall, rawget, error

function deliver(event, values, handler)
  only_in_a_test("deliver")
  local ok, found = pcall(ask, "deliver", event, values, handler)
  if not ok then
    if type(found) == "table" and not rawget(found, "line") then found.script, found.line = place() end
    error(found, 0)
  end
  local failed = found.failed -- of the handler, with its own line
  if failed then
    if not rawget(failed, "line") then failed.script, failed.line = place() end
    error(failed, 0)
  end
  return found.event
end
