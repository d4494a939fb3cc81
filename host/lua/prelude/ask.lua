-- core.ask(name, …): a library's function on the host's side, called as if it blocked; its value, or its error raised.
local core = ...
local call, encode_arguments, decode, select = core.call, core.encode_arguments, core.decode, core.select
local FUNCTION = 5 -- protocol

-- What begins the functions of a library: called with a colon they are given the library first.
function core.refuse_colon(library, given, name)
  if core.rawequal(library, given) then
    core.raise { kind = "invalid", message = name .. " is called with a dot, not a colon: write " .. name .. "(…)" }
  end
end

function core.ask(name, ...)
  local _, bytes = call(FUNCTION, name, encode_arguments(name, select("#", ...), ...))
  if bytes == nil then return nil end
  return decode(bytes)
end
