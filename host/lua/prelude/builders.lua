-- Builders: new_product():name("x"):create(). A builder is userdata; its state is the parameters given so far,
-- each already encoded, so a table changed later changes nothing, and create() only joins them.
-- Methods that are called less often are in builder_methods.lua.
local core = ...
local host, type, select, pcall = core.host, core.type, core.select, core.pcall
local call, text, head, newproxy, getmetatable, set_env, env_of = core.call, core.text, core.head, core.newproxy,
  core.getmetatable, core.set_env, core.env_of
local concat, byte, floor = core.table.concat, core.string.byte, core.math.floor
local mark = core.mark
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
  if not state or state.tag ~= "builder" or state.created or state.doubt then
    core.refuse_change(state_of(self, name), name)
  end
  return state
end

-- Encodes one value, asking the host unless the parameter's letter says all there is to check. `wrap` makes of
-- the encoded value what the host is to check.
local function fragment(class, name, code, value, wrap)
  local kind = type(value)
  local encoded
  if kind == "string" then
    encoded = text(value)
    if code == "s" and byte(encoded, 1) ~= 198 then return encoded end -- 198: not UTF-8
  else
    if value == nil then core.refuse_change({ class = class, needs = true }, name) end
    encoded = core.encode(value)
    if kind == "number" and (code == "n" or code == "s" or (code == "i" and value == floor(value))) then return encoded end
    if kind == "boolean" and (code == "b" or code == "s") then return encoded end
  end
  local status, payload = host(CHECK, class.target, name, wrap and wrap(encoded) or encoded)
  if status == 1 then core.refuse(payload) end
  return encoded
end

local function keep(state, name, value)
  local order = state.order
  if state.values[name] == nil then order[#order + 1] = name end
  state.values[name] = value
end

local make = {} -- kind of method -> function(class, name, param, code, fields) that makes it

function make.set(class, name, param, code, fields)
  return function(self, ...)
    local state = changeable(self, name)
    local value = ...
    if fields[1] then value = core.positional(fields, ...) end
    keep(state, param, fragment(class, param, code, value))
    return self
  end
end

-- A map takes a key and a value, or a table of them; entries add up.
function make.map(class, name, param, code)
  return function(self, key, ...)
    local state = changeable(self, name)
    if type(key) ~= "string" or select("#", ...) == 0 then return core.put_map(self, state, name, param, code, key, ...) end
    local map = state.values[param]
    if type(map) ~= "table" then
      map = { n = 0 } -- keys at 1, 3, 5 …, each followed by its value
      keep(state, param, map)
    end
    local encoded = fragment(class, param, code, (...), function(e) return "\129" .. text(key) .. e end)
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

local function method(class, name)
  local found = class.methods[name]
  if found then return found end
  local kind, param, code, a, b = host(METHOD, class.target, name)
  if kind == 1 then core.refuse(param) end
  if not make[kind] then core.load_prelude(core, "builder_methods") end
  found = make[kind](class, name, param, code, { a, b })
  class.methods[name] = found
  return found
end

-- The bytes of one parameter's value.
local function joined(value)
  if type(value) == "string" then return value end
  local out, n = {}, value.n
  if value.list then
    out[1] = head(n, 0x90, 0xDC)
    for i = 1, n do out[i + 1] = value[i] end
    return concat(out, "", 1, n + 1)
  end
  out[1] = head(n, 0x80, 0xDE)
  for i = 1, 2 * n, 2 do out[i + 1], out[i + 2] = text(value[i]), value[i + 1] end
  return concat(out, "", 1, 2 * n + 1)
end

-- All parameters as one map's bytes.
local function parameters(state)
  local order = state.order
  local n = #order
  local out = { head(n, 0x80, 0xDE) }
  for i = 1, n do out[2 * i], out[2 * i + 1] = text(order[i]), joined(state.values[order[i]]) end
  return concat(out, "", 1, 2 * n + 1)
end

local own = {}

function own.create(self)
  local state = state_of(self, "create")
  local class = state.class
  if state.created or state.busy then core.refuse_change(state, "create") end
  state.busy = true
  local options = state.options
  if options or state.key then options = core.create_options(state) end
  local ok, status, id, raw = pcall(call, CREATE, class.target, parameters(state), options)
  state.busy = nil
  if not ok then
    return core.create_failed(state, status)
  end
  if id and byte(id, 1) == 0 then id = core.tonumber(core.string.sub(id, 2)) end -- an integer
  state.created, state.id, state.raw, state.doubt, state.key = true, id, raw, nil, nil
  state.json = status == CREATED
  return id
end

local function new(class, values, order, options)
  local self = newproxy(proto)
  set_env(self, { tag = "builder", class = class, values = values, order = order, options = options })
  return self
end

meta.__metatable = false
function meta.__newindex(_, key) core.refuse_assignment(key) end

local MORE = { copy = true, set = true, params = true, with = true }

function meta.__index(self, key)
  if own[key] then
    if key == "create" then mark() end
    return own[key]
  end
  local state = env_of(self)
  if state.tag ~= "builder" or type(key) ~= "string" then return nil end -- the metatable's own userdata has none
  local class = state.class
  local found = class.methods[key]
  if found and not state.created then return found end
  if state.created and (key == "id" or key == "data") then
    if key == "id" then return state.id end
    local raw = state.raw
    if raw then state.data, state.raw = core.decode(state.json and core.tool("json.decode", raw) or raw), nil end
    return state.data
  end
  if key == "data" and not class.has_data or key == "id" and not class.has_id then return nil end
  if MORE[key] then
    core.load_prelude(core, "builder_methods")
    return own[key]
  end
  return method(class, key)
end

function meta.__tostring(self)
  local state = env_of(self)
  return state.tag == "builder" and core.show_builder(state) or "builder"
end

core.builders = {
  own = own, make = make, state_of = state_of, changeable = changeable, fragment = fragment,
  keep = keep, method = method, joined = joined, parameters = parameters, new = new,
}

local classes = {}

-- target: the operation; about: "resource flags", flags holding "i" or "d" where parameters are called id or data.
function core.makers.builders(_, target, about)
  local class = classes[target]
  if not class then
    local find, sub = core.string.find, core.string.sub
    local at = find(about, " ", 1, true)
    local flags = sub(about, at + 1)
    class = { target = target, resource = sub(about, 1, at - 1), methods = {},
      has_id = find(flags, "i", 1, true), has_data = find(flags, "d", 1, true) }
    classes[target] = class
  end
  return function(...)
    if select("#", ...) > 0 then core.refuse_change({ class = class, arguments = true }, "new") end
    return new(class, {}, {}, nil)
  end
end
