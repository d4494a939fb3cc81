-- Python functions registered with the host, by their names.
local core = ...
local call, encode_list, decode, select = core.call, core.encode_list, core.decode, core.select
local encode_arguments = core.encode_arguments
local FUNCTION, NEXT = 5, 6 -- protocol

local function plain(target)
  return function(...)
    local _, bytes = call(FUNCTION, target, encode_arguments(target, select("#", ...), ...))
    if bytes == nil then return nil end
    return decode(bytes)
  end
end

-- A generator: each turn of the loop asks for one item. An item that is nil would end the loop: json.null stands for it.
local function iterator(target)
  return function(...)
    local _, number = call(FUNCTION, target, encode_arguments(target, select("#", ...), ...))
    local request, ended = encode_list(1, decode(number)), false
    return function()
      if ended then return nil end
      local _, bytes = call(NEXT, target, request)
      local item = bytes ~= nil and decode(bytes)
      if not item then
        ended = true
        return nil
      end
      if item[1] == nil then return core.NULL end
      return item[1]
    end
  end
end

function core.makers.functions(_, target, iterates)
  return iterates and iterator(target) or plain(target)
end
