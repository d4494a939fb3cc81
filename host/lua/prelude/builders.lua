-- Builders: new_product():name("x"):create(). A builder is userdata; its state is the parameters given so far, each
-- copied, so a table changed later changes nothing, and create() only joins them.
-- Methods that are called less often are in builder_methods.lua. What every create needs is in locals, as few objects
-- are touched that way; of Lua's other functions as globals: see core.lua.
local core = ...
local host, text, head, env_of, ASCII = core.host, core.text, core.head, core.env_of, core.ASCII
local type, find, char, getinfo = type, string.find, string.char, core.debug.getinfo
local METHOD, CHECK, CREATE = 11, 12, 2 -- protocol
local CREATED = 2 -- protocol: status: the answer is JSON
local MANY = 64 -- keys and values of a map that are looked through one by one

local proto = newproxy(true)
local meta = getmetatable(proto)

local function state_of(self, name)
  local state = type(self) == "userdata" and env_of(self)
  if not state or state.tag ~= "builder" then core.refuse_change(nil, name) end
  return state
end

-- The state of a builder whose parameters may still be changed.
local function changeable(self, name)
  local state = type(self) == "userdata" and env_of(self)
  if not state or state.tag ~= "builder" or not state.open then core.refuse_change(state_of(self, name), name) end
  return state
end

-- What a parameter has been given, nil if nothing.
local function given(state, name)
  for i = 1, state.n, 2 do
    if state[i] == name then return state[i + 1] end
  end
end

-- What is kept of a value: a text as it is, anything else as { code = its encoding }. Asks the host unless the
-- parameter's letter says all there is to check. The host checks it as the value of the map's key `within`, or as a
-- list's only item where that is true. state: the builder's, whose currency a message about an amount looks at, and the API's version it asks for.
local function fragment(class, name, code, value, within, state)
  local kind = type(value)
  local kept, encoded
  if kind == "string" then
    local odd
    encoded, odd = text(value)
    kept = not odd and value or { code = encoded }
    if code == "s" and not odd then return kept end
  else
    if value == nil or kind == "function" then core.refuse_change({ class = class, needs = code, given = kind }, name) end
    encoded = core.encode(value, class.resource .. ": " .. name .. (type(within) == "string" and "." .. within or ""))
    kept = { code = encoded }
    if kind == "number" and (code == "n" or code == "s" or (code == "i" and value == math.floor(value))) then return kept end
    if kind == "boolean" and (code == "b" or code == "s") then return kept end
  end
  if within then encoded = (within == true and "\145" or "\129" .. text(within)) .. encoded end
  local currency, version = state and given(state, "currency"), state and state.options and state.options.api_version
  local status, payload = host(CHECK, class.target, name, encoded, type(currency) == "string" and currency or nil, version)
  if status == 1 then core.refuse(payload) end
  return kept
end

local function keep(state, name, value)
  local n = state.n
  for i = 1, n, 2 do
    if state[i] == name then
      state[i + 1] = value
      return
    end
  end
  state[n + 1], state[n + 2], state.n = name, value, n + 2
end

local own = {} -- methods that all builders have
local make = {} -- kind of method -> function(class, name, param, code, first, second) that makes it

function make.set(class, name, param, code, first, second)
  local methods, is_text = class.methods, code == "s" and not first
  return function(self, value, ...)
    local state = env_of(self)
    if not state or state.open ~= methods then state = changeable(self, name) end
    if not is_text or type(value) ~= "string" or not find(value, ASCII) then
      if first then value = core.positional(first, second, value, ...) end
      value = fragment(class, param, code, value, nil, state)
    end
    keep(state, param, value)
    return self
  end
end

-- A map takes a key and a value, or a table of them; entries add up. Kept are each key's encoding and its value in turn.
function make.map(class, name, param, code)
  local methods = class.methods
  return function(self, key, ...)
    local state = env_of(self)
    if not state or state.open ~= methods then state = changeable(self, name) end
    if type(key) ~= "string" or select("#", ...) == 0 then return core.put_map(self, state, name, param, code, key, ...) end
    local value = ...
    if code ~= "s" or type(value) ~= "string" or not find(value, ASCII) then value = fragment(class, param, code, value, key) end
    key = text(key)
    local map = given(state, param)
    if not map or type(map) == "string" or map.code then
      keep(state, param, { key, value })
      return self
    end
    local n = #map
    local places = n > MANY and core.places(map, n)
    for i = places and (places[key] or n + 1) or 1, n, 2 do
      if map[i] == key then
        map[i + 1] = value
        return self
      end
    end
    map[n + 1], map[n + 2] = key, value
    if places then places[key] = n + 1 end
    return self
  end
end

-- Adds to `out`, after its first n, the encoding of what is kept of a value; gives how many there are then.
local function put(out, n, value)
  if type(value) == "string" then
    local size = #value
    if size > 255 then
      out[n + 1] = text(value)
      return n + 1
    end
    out[n + 1], out[n + 2] = size < 32 and char(0xA0 + size) or char(0xD9, size), value
    return n + 2
  end
  local code = value.code
  if code then
    out[n + 1] = code
    return n + 1
  end
  local count = #value
  if value.list then
    out[n + 1], n = head(count, 0x90, 0xDC), n + 1
    for i = 1, count do n = put(out, n, value[i]) end
  else
    out[n + 1], n = head(count / 2, 0x80, 0xDE), n + 1
    for i = 1, count, 2 do
      out[n + 1] = value[i]
      n = put(out, n + 1, value[i + 1])
    end
  end
  return n
end

-- All parameters as one map's bytes.
local function parameters(state)
  local names, last = state.class.names, state.n
  local out = { head(last / 2, 0x80, 0xDE), false, false, false, false, false, false, false, false, false, false, false,
    false, false, false } -- room for those of most
  local n = 1
  for i = 1, last, 2 do
    local name = state[i]
    local encoded = names[name]
    if not encoded then
      encoded = text(name)
      names[name] = encoded
    end
    out[n + 1] = encoded
    n = put(out, n + 1, state[i + 1])
  end
  return table.concat(out, "", 1, n)
end

local function define(class, name, kind, param, ...)
  if kind == 1 then core.refuse(param) end
  local found = (make[kind] or core.maker(kind))(class, name, param, ...)
  if not own[name] then class.methods[name] = found end -- its own methods are the builder's, whatever the API has
  return found
end

local function method(class, name)
  return class.methods[name] or define(class, name, host(METHOD, class.target, name))
end

function own.create(self, also)
  local state = state_of(self, "create")
  if also ~= nil then core.refuse_change({ class = state.class, arguments = ":create" }, "create") end
  if state.created or state.busy then core.refuse_change(state, "create") end
  state.busy = true
  local options
  if state.options or state.key then options = core.create_options(state) end
  local ok, status, id, raw = pcall(core.call, CREATE, state.class.target, parameters(state), options)
  state.busy = false
  if not ok then return core.create_failed(state, status) end
  if id and string.byte(id, 1) == 0 then id = tonumber(string.sub(id, 2)) end -- an integer
  state.created, state.open, state.id, state.raw = status == CREATED and "json" or true, false, id, raw
  if state.key then state.doubt, state.key = nil, nil end
  return id
end

-- The first n of its list: the parameters' names, each followed by what is kept of its value. open: the class's methods
-- as long as they may be changed. Later also options, doubt and key (of a create that failed), data.
local function new(class)
  local self, state = newproxy(proto), {
    false, false, false, false, false, false, false, false, n = 0, -- room for those of most
    tag = "builder", class = class, open = class.methods, busy = false, created = false, id = false, raw = false,
  }
  core.set_env(self, state)
  return self, state
end

function core.builders()
  return own, make, state_of, changeable, fragment, given, keep, method, parameters, new
end

meta.__metatable = false
function meta.__newindex(_, key) core.refuse_assignment(key) end

function meta.__index(self, key)
  local state = env_of(self)
  local open = state.open
  local found = open and open[key]
  if found then return found end
  if key == "create" then core.marked = getinfo(2, "lf") end
  if own[key] then return own[key] end
  if state.tag ~= "builder" or type(key) ~= "string" then return nil end -- the metatable's own userdata has none
  local class = state.class
  if state.created and (key == "id" or key == "data") then
    if key == "id" then return state.id end
    local raw = state.raw
    if raw then
      if state.created == "json" then raw = core.tool("json.decode", raw) end
      state.data, state.raw = core.decode_answer(raw, string.match(class.target, "^[^.]+")), nil
    end
    return state.data
  end
  if key == "data" and not class.has_data or key == "id" and not class.has_id then return nil end
  if key == "copy" or key == "set" or key == "params" or key == "with" then
    return core.own_method(key)
  end
  if state.options then return core.method_of(state, key) end
  return method(class, key)
end

function meta.__tostring(self)
  local state = env_of(self)
  return state.tag == "builder" and core.show_builder(state) or "builder"
end

local classes = {}

-- target: the operation; about: "resource flags", flags holding "i" or "d" where parameters are called id or data. Then
-- methods that the script mentions: each one's name and what METHOD answers, five values.
function core.makers.builders(_, target, about, ...)
  local class = classes[target]
  if not class then
    local at = string.find(about, " ", 1, true)
    class = { target = target, resource = string.sub(about, 1, at - 1), methods = {}, names = {},
      has_id = string.find(about, "i", at, true), has_data = string.find(about, "d", at, true) }
    classes[target] = class
    for i = 1, select("#", ...), 6 do define(class, select(i, ...)) end
  end
  return function(...)
    if select("#", ...) > 0 then core.refuse_change({ class = class, arguments = "new_" }, "new") end
    return (new(class))
  end
end
