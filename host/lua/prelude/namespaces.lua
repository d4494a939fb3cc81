-- stripe.products.list{…}: every operation of an API by its dotted name, and pages that go on.
local core = ...
local host, type, select, tostring, rawget = core.host, core.type, core.select, core.tostring, core.rawget
local raise, call, encode_arguments, match = core.raise, core.call, core.encode_arguments, core.string.match
local newproxy, getmetatable, set_env, tag_of = core.newproxy, core.getmetatable, core.set_env, core.tag_of
local find, upper, getinfo = core.string.find, core.string.upper, core.debug.getinfo
local PRELUDE, MEMBER, OPERATION = 9, 14, 1 -- protocol
local PAGES = "^(%Z*)%z(%Z*)%z(.*)$"

-- pages: of a list, how it goes on: style, the field with the items and the one with an item's id, a zero byte between. With
-- an answer come the same words where the request decides, and where its page is, if that is more than the request says.
local function operation(target, pages)
  local api, style, member, id = match(target, "^[^.]+"), nil, nil, nil
  if pages then style, member, id = match(pages, PAGES) end
  return function(...)
    local n = select("#", ...)
    if n > 0 and tag_of((...), "namespace") then
      raise { kind = "invalid", message = "an operation is called with a dot, not a colon: write " .. target .. "(…)" }
    end
    local given = encode_arguments(target, n, ...)
    local _, bytes, words = call(OPERATION, target, given)
    local value
    if bytes then value = core.decode_answer(bytes, api) end
    local style, member, id, at = style, member, id, nil
    if words then -- [how it goes on, Link header]
      local decoded = core.decode(words)
      style, member, id = match(decoded[1], PAGES)
      at = decoded[2] and "\146\192" .. core.encode(decoded[2])
    end
    if not style then return value end
    local backwards = false
    for i = 1, n do
      local argument = select(i, ...)
      if type(argument) == "table" and rawget(argument, "ending_before") ~= nil then backwards = true end
    end
    return core.page(value, { target = target, api = api, style = style, member = member, id = id, given = given,
      backwards = backwards, at = at, bytes = (style == "number" or style == "offset") and bytes or nil })
  end
end

local proto = newproxy(true)
local meta = getmetatable(proto)

local function namespace(path)
  local self = newproxy(proto)
  set_env(self, { tag = "namespace", path = path, members = {} })
  return self
end

meta.__metatable = false
local function key_setting(self)
  local path = tostring(self)
  if find(path, ".", 1, true) then return "" end
  local name = path == "stripe" and "STRIPE_SECRET_KEY" or upper(path) .. "_API_KEY"
  return "; its key is a setting, " .. name .. " in the environment or in .env, and never in the script"
end
meta.__newindex = function(self, key)
  raise { kind = "invalid", message = tostring(self) .. " cannot be assigned to, as " .. tostring(self) .. "." .. tostring(key) .. " is"
    .. key_setting(self) }
end
meta.__tostring = function(self)
  local state = tag_of(self, "namespace")
  return state and state.path or "namespace"
end
meta.__call = function(self)
  raise { kind = "invalid", message = tostring(self) .. " is a group of operations, not an operation: call " .. tostring(self) .. ".<operation>(…)"
    .. key_setting(self) }
end
meta.__index = function(self, key)
  local state = tag_of(self, "namespace")
  if not state or type(key) ~= "string" then return nil end
  core.marked = getinfo(2, "lf")
  local member = state.members[key]
  if member then return member end
  local kind, a, b = host(MEMBER, state.path, key)
  if kind == 1 then
    core.refuse(a)
  elseif kind == 2 then member = namespace(a)
  elseif kind == 3 then member = operation(a, b)
  elseif kind == 5 then -- a word of the host's own
    core.load_code(host(PRELUDE, a))
    member = core.makers[a]()
  else -- a builder: new_<resource>
    if not core.makers.builders then core.load_code(host(PRELUDE, "builders")) end
    member = core.makers.builders(key, a, b)
  end
  state.members[key] = member
  return member
end

function core.makers.namespaces(_, api) return namespace(api) end
