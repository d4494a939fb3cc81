-- Python functions registered with the host, by their names.
local core = ...
local call, encode_list, decode, select, error = core.call, core.encode_list, core.decode, core.select, core.error
local FUNCTION = 5

function core.makers.functions(_, target)
  return function(...)
    local status, bytes = call(FUNCTION, target, encode_list(select("#", ...), ...))
    if bytes == nil then return nil end
    return decode(bytes)
  end
end
