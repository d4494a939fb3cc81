-- core.ask(name, …): a library's function on the host's side, called as if it blocked; its value, or its error raised.
local core = ...
local call, encode_list, decode, select = core.call, core.encode_list, core.decode, core.select
local FUNCTION = 5 -- protocol

function core.ask(name, ...)
  local _, bytes = call(FUNCTION, name, encode_list(select("#", ...), ...))
  if bytes == nil then return nil end
  return decode(bytes)
end
