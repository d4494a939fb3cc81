-- Builders: new_product():name("x"):create(). A builder is userdata; its state is the parameters given so far,
-- each already encoded, so a table changed later changes nothing, and create() only joins them.
local core = ...
local host, type, select, next, tostring, setmetatable = core.host, core.type, core.select, core.next, core.tostring, core.setmetatable
local raise, call, encode, decode, text, head = core.raise, core.call, core.encode, core.decode, core.text, core.head
local newproxy, getmetatable, set_env, tag_of, concat, byte, floor, pcall, error, rawget, rawequal, sort = core.newproxy,
  core.getmetatable, core.set_env, core.tag_of, core.concat, core.byte, core.floor, core.pcall, core.error, core.rawget,
  core.rawequal, core.sort
local METHOD, CHECK, TOOL, CREATE = 11, 12, 13, 2

local proto = newproxy(true)
local meta = getmetatable(proto)

local function invalid(message) return raise { kind = "invalid", message = message } end

local function refuse(payload)
  local facts = decode(payload)
  setmetatable(facts, nil)
  return raise(facts)
end

function core.builder_of(value)
  local state = tag_of(value, "builder")
  return state and state.class
end

local function state_of(self, name)
  local state = tag_of(self, "builder")
  if not state then
    invalid("'" .. name .. "' is a method: write builder:" .. name .. "(…) with a colon, not a dot")
  end
  return state
end

local function changeable(state, name)
  if state.created then
    invalid(state.class.resource .. " was created already (" .. tostring(state.id) .. "); " .. name
      .. "() cannot change it: use :copy() for a new one, or the update operation")
  end
  if state.doubt then
    invalid("the outcome of this " .. state.class.resource .. "'s create() is unknown, so its parameters are kept as they were sent; "
      .. "call create() again to find out, or :copy() for a new one")
  end
end

-- Encodes one value, asking the host unless its letter says it all.
local function fragment(class, name, code, value, wrap)
  local kind = type(value)
  local encoded
  if kind == "string" and code == "s" then
    encoded = text(value)
    if byte(encoded, 1) ~= 198 then return encoded end
  elseif kind == "number" and (code == "n" or code == "s" or (code == "i" and value == floor(value))) then
    return encode(value)
  elseif kind == "boolean" and (code == "b" or code == "s") then
    return encode(value)
  else
    encoded = encode(value)
  end
  if value == nil then
    invalid(class.resource .. ":" .. name .. "() needs a value (json.null to send null)")
  end
  local status, payload = host(CHECK, class.target, name, wrap and wrap(encoded) or encoded)
  if status == 1 then refuse(payload) end
  return encoded
end

local function keep(state, name, value)
  local order = state.order
  if state.values[name] == nil then order[#order + 1] = name end
  state.values[name] = value
end

local function positional(fields, value, ...)
  if type(value) == "table" or #fields == 0 then return value end
  local item = { [fields[1]] = value }
  for i = 2, #fields do item[fields[i]] = (select(i - 1, ...)) end
  return item
end

local make = {}

function make.set(class, name, param, code, fields)
  return function(self, ...)
    local state = state_of(self, name)
    changeable(state, name)
    local value = ...
    if #fields > 0 then value = positional(fields, ...) end
    keep(state, param, fragment(class, param, code, value))
    return self
  end
end

local function one_list(encoded) return head(1, 0x90, 0xDC) .. encoded end

-- A list given whole, or one value for a list of one.
function make.list(class, name, param, code)
  return function(self, value)
    local state = state_of(self, name)
    changeable(state, name)
    if type(value) == "table" and (#value > 0 or next(value) == nil) or value == "" or rawequal(value, core.NULL) then
      keep(state, param, fragment(class, param, "", value))
    else
      keep(state, param, { list = true, n = 1, fragment(class, param, code, value, one_list) })
    end
    return self
  end
end

function make.append(class, name, param, code, fields)
  return function(self, ...)
    local state = state_of(self, name)
    changeable(state, name)
    local items = state.values[param]
    if type(items) == "string" then
      local given = decode(items)
      items = { list = true, n = 0 }
      if type(given) == "table" then
        for i = 1, #given do items[i] = encode(given[i]) end
        items.n = #given
      end
    end
    items = items or { list = true, n = 0 }
    local value = positional(fields, ...)
    items[items.n + 1] = fragment(class, param, #fields == 0 and code or "", value, one_list)
    items.n = items.n + 1
    keep(state, param, items)
    return self
  end
end

-- A map takes a key and a value, or a table of them; entries add up.
function make.map(class, name, param, code)
  return function(self, key, ...)
    local state = state_of(self, name)
    changeable(state, name)
    local map = state.values[param]
    if type(map) ~= "table" then map = { n = 0, keys = {} } end
    local function put(k, v)
      if type(k) == "number" then k = tostring(k) end
      if type(k) ~= "string" then invalid(class.resource .. ":" .. name .. "() keys are strings, got a " .. type(k)) end
      local encoded = fragment(class, param, code, v, function(e) return "\129" .. text(k) .. e end)
      if map[k] == nil then
        map.n = map.n + 1
        map.keys[map.n] = k
      end
      map["\0" .. k], map[k] = encoded, true
    end
    if type(key) == "table" then
      if #key > 0 then fragment(class, param, "", key) end
      local keys = {}
      for k in next, key do keys[#keys + 1] = k end
      sort(keys, function(a, b) return tostring(a) < tostring(b) end)
      for i = 1, #keys do put(keys[i], key[keys[i]]) end
    elseif select("#", ...) == 0 then
      keep(state, param, fragment(class, param, "", key))
      return self
    else
      put(key, (...))
    end
    keep(state, param, map)
    return self
  end
end

local function method(class, name)
  local found = class.methods[name]
  if found then return found end
  local kind, param, code, a, b = host(METHOD, class.target, name)
  if kind == 1 then refuse(param) end
  local fields = { a, b }
  found = make[kind](class, name, param, code, fields)
  class.methods[name] = found
  return found
end

local function joined(value)
  if type(value) == "string" then return value end
  local out, m = {}, 1
  if value.list then
    out[1] = head(value.n, 0x90, 0xDC)
    for i = 1, value.n do out[i + 1] = value[i] end
    m = value.n + 1
  else
    out[1] = head(value.n, 0x80, 0xDE)
    for i = 1, value.n do
      local key = value.keys[i]
      out[m + 1], out[m + 2] = text(key), value["\0" .. key]
      m = m + 2
    end
  end
  return concat(out, "", 1, m)
end

local function parameters(state)
  local order = state.order
  local n = #order
  local out, m = { head(n, 0x80, 0xDE) }, 1
  for i = 1, n do
    out[m + 1], out[m + 2] = text(order[i]), joined(state.values[order[i]])
    m = m + 2
  end
  return concat(out, "", 1, m)
end

local own = {}

function own.create(self)
  local state = state_of(self, "create")
  local class = state.class
  if state.created then
    invalid(class.resource .. " was created already (" .. tostring(state.id) .. "); use :copy() to create another")
  end
  if state.busy then invalid("create() of this " .. class.resource .. " is under way in another task") end
  state.busy = true
  local options = state.options
  if state.key and not (options and options.idempotency_key) then
    local with_key = { idempotency_key = state.key }
    for key, value in next, options or {} do with_key[key] = value end
    options = with_key
  end
  local ok, status, id, raw = pcall(call, CREATE, class.target, parameters(state), options and encode(options) or nil)
  state.busy = nil
  if not ok then
    local err = status
    if type(err) == "table" then
      local outcome = rawget(err, "outcome")
      if outcome == "unknown" then
        state.doubt, state.key = true, rawget(err, "idempotency_key")
      elseif outcome == "rejected" then
        state.doubt, state.key = nil, nil
      elseif not state.doubt then
        state.key = rawget(err, "idempotency_key")
      end
    end
    error(err, 0)
  end
  state.created, state.id, state.raw, state.doubt, state.key = true, id, raw, nil, nil
  return id
end

local function new(class, values, order, options)
  local self = newproxy(proto)
  set_env(self, { tag = "builder", class = class, values = values, order = order, options = options })
  return self
end

function own.copy(self)
  local state = state_of(self, "copy")
  local values, order, options = {}, {}, nil
  for i, name in core.ipairs(state.order) do
    order[i], values[name] = name, joined(state.values[name])
  end
  if state.options then
    options = {}
    for key, value in next, state.options do
      if key ~= "idempotency_key" then options[key] = value end
    end
  end
  return new(state.class, values, order, options)
end

function own.set(self, name, ...)
  local state = state_of(self, "set")
  if type(name) ~= "string" then
    invalid(state.class.resource .. ":set() expects a parameter's name and its value, got a " .. type(name) .. " as name")
  end
  return method(state.class, name)(self, ...)
end

function own.params(self, given)
  local state = state_of(self, "params")
  if type(given) ~= "table" then
    invalid(state.class.resource .. ":params{…} expects a table of names and values, got " .. (given == nil and "nothing" or "a " .. type(given)))
  end
  local names = {}
  for name in next, given do
    if type(name) ~= "string" then invalid(state.class.resource .. ":params{…} expects names as keys, got a " .. type(name)) end
    names[#names + 1] = name
  end
  sort(names)
  for i = 1, #names do method(state.class, names[i])(self, given[names[i]]) end
  return self
end

own["with"] = function(self, given)
  local state = state_of(self, "with")
  if type(given) ~= "table" then
    invalid(state.class.resource .. ":with{…} expects a table of request options, got " .. (given == nil and "nothing" or "a " .. type(given)))
  end
  changeable(state, "with")
  local status, payload = host(CHECK, state.class.target, ":with", encode(given))
  if status == 1 then refuse(payload) end
  local options = {}
  for key, value in next, state.options or {} do options[key] = value end
  for key, value in next, given do options[key] = value end
  state.options = options
  return self
end

meta.__metatable = false
meta.__newindex = function(_, key)
  invalid("a builder cannot be assigned to; call builder:" .. tostring(key) .. "(value)")
end

meta.__index = function(self, key)
  if own[key] then return own[key] end
  local state = tag_of(self, "builder")
  if not state then return nil end
  if state.created and (key == "id" or key == "data") then
    if key == "id" then return state.id end
    if state.raw then
      state.data, state.raw = decode(state.raw), nil
    end
    return state.data
  end
  if key == "data" and not state.class.has_data then return nil end
  if key == "id" and not state.class.has_id then return nil end
  if type(key) ~= "string" then return nil end
  return method(state.class, key)
end

meta.__tostring = function(self)
  local state = tag_of(self, "builder")
  if not state then return "builder" end
  local ok, shown = pcall(function() return core.env.inspect(decode(parameters(state))) end)
  local out = state.class.resource .. (state.id and (" " .. state.id) or "") .. " " .. (ok and shown or "{…}")
  local status, masked = host(TOOL, "mask", out)
  return status == 0 and masked or state.class.resource
end

local classes = {}

-- a: the operation; b: "resource flags", flags holding "i" or "d" where parameters are called id or data.
function core.makers.builders(_, target, about)
  local class = classes[target]
  if not class then
    local at = core.find(about, " ", 1, true)
    local flags = core.sub(about, at + 1)
    class = { target = target, resource = core.sub(about, 1, at - 1), methods = {},
      has_id = core.find(flags, "i", 1, true), has_data = core.find(flags, "d", 1, true) }
    classes[target] = class
  end
  return function(...)
    if select("#", ...) > 0 then
      invalid("new_" .. class.resource .. "() takes no arguments; set parameters with its methods")
    end
    return new(class, {}, {}, nil)
  end
end
