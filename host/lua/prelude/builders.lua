-- Builders: new_product():name("x"):create(). A builder is userdata; its state is the parameters given so far,
-- each already encoded, so a table changed later changes nothing, and create() only joins them.
-- Methods that are called less often are in builder_methods.lua. Lua's functions as globals: see core.lua.
local core = ...
local host, text, head, env_of = core.host, core.text, core.head, core.env_of
local METHOD, CHECK, CREATE = 11, 12, 2
local CREATED = 2 -- status: the answer is JSON

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

-- Encodes one value, asking the host unless the parameter's letter says all there is to check. The host checks it
-- as the value of the map's key `within`, or as a list's only item where that is true.
local function fragment(class, name, code, value, within)
  local kind = type(value)
  local encoded
  if kind == "string" then
    local odd
    encoded, odd = text(value)
    if code == "s" and not odd then return encoded end
  else
    if value == nil then core.refuse_change({ class = class, needs = true }, name) end
    encoded = core.encode(value)
    if kind == "number" and (code == "n" or code == "s" or (code == "i" and value == math.floor(value))) then return encoded end
    if kind == "boolean" and (code == "b" or code == "s") then return encoded end
  end
  local checked = encoded
  if within then checked = (within == true and "\145" or "\129" .. text(within)) .. encoded end
  local status, payload = host(CHECK, class.target, name, checked)
  if status == 1 then core.refuse(payload) end
  return encoded
end

local function keep(state, name, value)
  local values = state.values
  if values[name] == nil then values[#values + 1] = name end
  values[name] = value
end

local own = {} -- methods that all builders have
local make = {} -- kind of method -> function(class, name, param, code, first, second) that makes it

function make.set(class, name, param, code, first, second)
  local is_text = code == "s" and not first
  return function(self, value, ...)
    local state = env_of(self)
    if not state or state.open ~= class then state = changeable(self, name) end
    local encoded, odd
    if is_text and type(value) == "string" then encoded, odd = text(value) end
    if not encoded or odd then
      if first then value = core.positional(first, second, value, ...) end
      encoded = fragment(class, param, code, value)
    end
    local values = state.values
    if values[param] == nil then values[#values + 1] = param end
    values[param] = encoded
    return self
  end
end

-- A map takes a key and a value, or a table of them; entries add up.
function make.map(class, name, param, code)
  return function(self, key, ...)
    local state = env_of(self)
    if not state or state.open ~= class then state = changeable(self, name) end
    if type(key) ~= "string" or select("#", ...) == 0 then return core.put_map(self, state, name, param, code, key, ...) end
    local map = state.values[param]
    if type(map) ~= "table" then
      map = { n = 0 } -- keys at 1, 3, 5 …, each followed by its value
      keep(state, param, map)
    end
    local encoded = fragment(class, param, code, (...), key)
    local n = map.n
    for i = 1, 2 * n, 2 do
      if map[i] == key then
        map[i + 1] = encoded
        return self
      end
    end
    map[2 * n + 1], map[2 * n + 2], map.n = key, encoded, n + 1
    return self
  end
end

-- All parameters as one map's bytes.
local function parameters(state)
  local values, names = state.values, state.class.names
  local count = #values
  local out, n = { head(count, 0x80, 0xDE) }, 1
  for i = 1, count do
    local name = values[i]
    local value, encoded = values[name], names[name]
    if not encoded then
      encoded = text(name)
      names[name] = encoded
    end
    out[n + 1] = encoded
    if type(value) == "string" then
      out[n + 2], n = value, n + 2
    elseif value.list then
      out[n + 2], n = head(value.n, 0x90, 0xDC), n + 2
      for k = 1, value.n do out[n + k] = value[k] end
      n = n + value.n
    else
      out[n + 2], n = head(value.n, 0x80, 0xDE), n + 2
      for k = 1, 2 * value.n, 2 do out[n + k], out[n + k + 1] = text(value[k]), value[k + 1] end
      n = n + 2 * value.n
    end
  end
  return table.concat(out, "", 1, n)
end

local function method(class, name)
  local found = class.methods[name]
  if found then return found end
  local kind, param, code, first, second = host(METHOD, class.target, name)
  if kind == 1 then core.refuse(param) end
  found = (make[kind] or core.maker(kind))(class, name, param, code, first, second)
  if not own[name] then class.methods[name] = found end -- its own methods are the builder's, whatever the API has
  return found
end

function own.create(self)
  local state = state_of(self, "create")
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

-- values: the parameters' names in their order, and each one's value by its name. open: the class as long as they
-- may be changed. Later also options, doubt and key (of a create that failed), data.
local function new(class, values)
  local self = newproxy(proto)
  core.set_env(self, {
    tag = "builder", class = class, values = values, open = class, busy = false, created = false, id = false, raw = false,
  })
  return self
end

function core.builders()
  return own, make, state_of, changeable, fragment, keep, method, parameters, new
end

meta.__metatable = false
function meta.__newindex(_, key) core.refuse_assignment(key) end

function meta.__index(self, key)
  local state = env_of(self)
  local open = state.open
  local found = open and open.methods[key]
  if found then return found end
  if key == "create" then core.marked = core.debug.getinfo(2, "Sl") end
  if own[key] then return own[key] end
  if state.tag ~= "builder" or type(key) ~= "string" then return nil end -- the metatable's own userdata has none
  local class = state.class
  if state.created and (key == "id" or key == "data") then
    if key == "id" then return state.id end
    local raw = state.raw
    if raw then
      state.data, state.raw = core.decode(state.created == "json" and core.tool("json.decode", raw) or raw), nil
    end
    return state.data
  end
  if key == "data" and not class.has_data or key == "id" and not class.has_id then return nil end
  if key == "copy" or key == "set" or key == "params" or key == "with" then
    return core.own_method(key)
  end
  return method(class, key)
end

function meta.__tostring(self)
  local state = env_of(self)
  return state.tag == "builder" and core.show_builder(state) or "builder"
end

local classes = {}

-- target: the operation; about: "resource flags", flags holding "i" or "d" where parameters are called id or data.
function core.makers.builders(_, target, about)
  local class = classes[target]
  if not class then
    local at = string.find(about, " ", 1, true)
    class = { target = target, resource = string.sub(about, 1, at - 1), methods = {}, names = {},
      has_id = string.find(about, "i", at, true), has_data = string.find(about, "d", at, true) }
    classes[target] = class
  end
  return function(...)
    if select("#", ...) > 0 then core.refuse_change({ class = class, arguments = true }, "new") end
    return new(class, {})
  end
end
