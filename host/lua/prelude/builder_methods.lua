-- What builders can do beyond values, maps and create(): lists, copy, set, params, with, tostring.
local core = ...
local host, type, select, next, tostring, pcall, rawequal = core.host, core.type, core.select, core.next, core.tostring,
  core.pcall, core.rawequal
local text, head, encode, decode = core.text, core.head, core.encode, core.decode
local sort = core.table.sort
local b = core.builders
local own, make, invalid, state_of, changeable, fragment, keep, method, joined, parameters = b.own, b.make, b.invalid,
  b.state_of, b.changeable, b.fragment, b.keep, b.method, b.joined, b.parameters
local CHECK, TOOL = 12, 13

-- Positional arguments as the table they stand for; a table is taken as it is.
function core.positional(fields, value, ...)
  if type(value) == "table" or not fields[1] then return value end
  local item = { [fields[1]] = value }
  for i = 2, #fields do item[fields[i]] = (select(i - 1, ...)) end
  return item
end

local function one_list(encoded) return head(1, 0x90, 0xDC) .. encoded end

-- A list given whole, or one value for a list of one.
function make.list(class, name, param, code)
  return function(self, value)
    local state = changeable(self, name)
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
    local state = changeable(self, name)
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
    local value = core.positional(fields, ...)
    items[items.n + 1] = fragment(class, param, not fields[1] and code or "", value, one_list)
    items.n = items.n + 1
    keep(state, param, items)
    return self
  end
end

local function by_text(a, c) return tostring(a) < tostring(c) end

-- A map method called otherwise than with a text and a value.
function core.put_map(self, state, name, param, code, key, ...)
  local class = state.class
  if type(key) == "table" then
    if #key > 0 then fragment(class, param, "", key) end -- the host says what is wrong with a list
    local keys, n = {}, 0
    for k in next, key do n = n + 1 keys[n] = k end
    sort(keys, by_text)
    local put = method(class, name)
    if n == 0 and state.values[param] == nil then keep(state, param, fragment(class, param, "", key)) end
    for i = 1, n do
      local k = keys[i]
      if type(k) ~= "string" and type(k) ~= "number" then
        invalid(class.resource .. ":" .. name .. "() keys are strings, got a " .. type(k))
      end
      put(self, tostring(k), key[k])
    end
    return self
  end
  if select("#", ...) == 0 then
    keep(state, param, fragment(class, param, "", key))
    return self
  end
  if type(key) ~= "number" then invalid(class.resource .. ":" .. name .. "() keys are strings, got a " .. type(key)) end
  return method(class, name)(self, tostring(key), ...)
end

function own.copy(self)
  local state = state_of(self, "copy")
  local values, order, options = {}, {}, nil
  for i = 1, #state.order do
    local name = state.order[i]
    order[i], values[name] = name, state.values[name]
    if type(values[name]) == "table" then
      local twin = {}
      for key, value in next, values[name] do twin[key] = value end
      values[name] = twin
    end
  end
  if state.options then
    options = {}
    for key, value in next, state.options do
      if key ~= "idempotency_key" then options[key] = value end
    end
  end
  return b.new(state.class, values, order, options)
end

function own.set(self, name, ...)
  local state = state_of(self, "set")
  if type(name) ~= "string" then
    invalid(state.class.resource .. ":set() expects a parameter's name and its value, got a " .. type(name) .. " as name")
  end
  return method(state.class, name)(self, ...)
end

local function expect_table(state, given, form, what)
  if type(given) ~= "table" then
    invalid(state.class.resource .. form .. " expects a table of " .. what .. ", got "
      .. (given == nil and "nothing" or "a " .. type(given)))
  end
end

function own.params(self, given)
  local state = state_of(self, "params")
  expect_table(state, given, ":params{…}", "names and values")
  local names, n = {}, 0
  for name in next, given do
    if type(name) ~= "string" then invalid(state.class.resource .. ":params{…} expects names as keys, got a " .. type(name)) end
    n = n + 1
    names[n] = name
  end
  sort(names)
  for i = 1, n do method(state.class, names[i])(self, given[names[i]]) end
  return self
end

own["with"] = function(self, given)
  local state = changeable(self, "with")
  expect_table(state, given, ":with{…}", "request options")
  local status, payload = host(CHECK, state.class.target, ":with", encode(given))
  if status == 1 then core.refuse(payload) end
  local options = {}
  for key, value in next, state.options or {} do options[key] = value end
  for key, value in next, given do options[key] = value end
  state.options = options
  return self
end

function core.show_builder(state)
  local ok, shown = pcall(function() return core.env.inspect(decode(parameters(state))) end)
  local out = state.class.resource .. (state.id and (" " .. state.id) or "") .. " " .. (ok and shown or "{…}")
  local status, masked = host(TOOL, "mask", out)
  return status == 0 and masked or state.class.resource
end
