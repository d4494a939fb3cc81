-- What builders can do beyond values, maps and create(): lists, copy, set, params, with, tostring.
local core = ...
local host, type, select, next, tostring, pcall, rawequal, rawget, error = core.host, core.type, core.select, core.next,
  core.tostring, core.pcall, core.rawequal, core.rawget, core.error
local encode, decode = core.encode, core.decode
local sort = core.table.sort
local own, make, state_of, changeable, fragment, given, keep, method, parameters, new = core.builders()
local CHECK, TOOL = 12, 13 -- protocol

local EXPECTED = { s = "a string", i = "an integer", n = "a number", b = "true or false" }

local function invalid(message) return core.raise { kind = "invalid", message = message } end

-- Why a builder's method cannot do what it is asked to.
function core.refuse_change(state, name)
  if not state then
    invalid("'" .. name .. "' is a method: write builder:" .. name .. "(…) with a colon, not a dot")
  end
  local resource = state.class.resource
  if state.needs then
    local expected, text = EXPECTED[state.needs] or "a value", "; print what was given above this line (json.null sends a null)"
    if state.given == "function" then
      text = "; a function cannot be sent: call it with (…), a builder's id is there after its create()"
    end
    local needs = state.given == "function" and "" or " needs a value"
    invalid(resource .. ": " .. name .. needs .. ": expected " .. expected .. ", got " .. (state.given == "function" and "a function" or "nil") .. text)
  end
  if state.arguments then
    local call = state.arguments == "new_" and "new_" .. resource or "builder" .. state.arguments
    invalid(call .. "() takes no arguments; set parameters with methods, :name(value), or all of a table with :params{…}")
  end
  if state.busy then invalid("create() of this " .. resource .. " is under way in another task") end
  if state.created then
    local id = state.id and (" (" .. tostring(state.id) .. ")") or ""
    if name == "create" then invalid(resource .. " was created already" .. id .. "; use :copy() to create another") end
    invalid(resource .. " was created already" .. id .. "; " .. name
      .. "() cannot change it: use :copy() for a new one, or the update operation")
  end
  invalid("the outcome of this " .. resource .. "'s create() is unknown, so its parameters are kept as they were sent; "
    .. "call create() again to find out, or :copy() for a new one")
end

function core.refuse_assignment(key)
  invalid("a builder cannot be assigned to; call builder:" .. tostring(key) .. "(value)")
end

-- What a failed create() leaves: the key is kept until it is known whether the first try did something.
function core.create_failed(state, err)
  if type(err) == "table" then
    local outcome = rawget(err, "outcome")
    if outcome == "unknown" then
      state.doubt, state.open, state.key = true, false, rawget(err, "idempotency_key") or state.key
    elseif outcome == "rejected" then
      state.doubt, state.open, state.key = nil, state.class.methods, nil
    elseif not state.doubt then
      state.key = rawget(err, "idempotency_key")
    end
  end
  return error(err, 0)
end

-- The request options of create(), encoded: those given by with{}, and the key of a first try.
function core.create_options(state)
  local options = {}
  if state.key then options.idempotency_key = state.key end
  for key, value in next, state.options or {} do options[key] = value end
  return encode(options)
end

-- Positional arguments as the table they stand for, under one name or two; a table is taken as it is.
function core.positional(first, second, value, also)
  if type(value) == "table" or value == nil then return value end
  local item = { [first] = value }
  if second then item[second] = also end
  return item
end

-- A builder's method; where it asks for a version of the API, any other name too, which the host may know to be none.
function core.method_of(state, name)
  local class = state.class
  if not state.options or type(state.options.api_version) ~= "string" then return method(class, name) end
  local ok, found = pcall(method, class, name)
  return ok and found or make.set(class, name, name, "")
end

function core.maker(kind) return make[kind] end
function core.own_method(name) return own[name] end

-- A list given whole, or one value for a list of one.
function make.list(class, name, param, code)
  return function(self, value)
    local state = changeable(self, name)
    if type(value) == "table" and (#value > 0 or next(value) == nil) or value == "" or rawequal(value, core.NULL) then
      keep(state, param, fragment(class, param, "", value, nil, state))
    else
      keep(state, param, { list = true, fragment(class, param, code, value, true, state) })
    end
    return self
  end
end

function make.append(class, name, param, code, first, second)
  return function(self, ...)
    local state = changeable(self, name)
    local items = given(state, param)
    if type(items) ~= "table" then items = { list = true } end
    if items.code then -- given whole
      local whole = decode(items.code)
      items = { list = true }
      if type(whole) == "table" then
        for i = 1, #whole do items[i] = { code = encode(whole[i]) } end
      end
    end
    local value = ...
    if first then value = core.positional(first, second, ...) end
    items[#items + 1] = fragment(class, param, not first and code or "", value, true, state)
    keep(state, param, items)
    return self
  end
end

-- Where each key of a large map stands.
function core.places(map, n)
  local places = map.places
  if not places then
    places = {}
    for i = 1, n, 2 do places[map[i]] = i end
    map.places = places
  end
  return places
end

-- A map method called otherwise than with a text and a value.
function core.put_map(self, state, name, param, code, key, ...)
  local class = state.class
  if type(key) == "table" then
    if #key > 0 then fragment(class, param, "", key) end -- the host says what is wrong with a list
    local texts, keys, n = {}, {}, 0
    for k in next, key do
      if type(k) ~= "string" and type(k) ~= "number" then
        invalid(class.resource .. ":" .. name .. "() keys are strings, got a " .. type(k))
      end
      local shown = tostring(k)
      n, keys[shown] = n + 1, k
      texts[n] = shown
    end
    sort(texts)
    local put = method(class, name)
    if n == 0 and given(state, param) == nil then keep(state, param, fragment(class, param, "", key)) end
    for i = 1, n do
      put(self, texts[i], rawget(key, keys[texts[i]]))
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
  local copy, copied = new(state.class)
  for i = 1, state.n, 2 do
    local value = state[i + 1]
    if type(value) == "table" then
      local own_value = {}
      for key, item in next, value do own_value[key] = key ~= "places" and item or nil end
      value = own_value
    end
    keep(copied, state[i], value)
  end
  if state.options then
    copied.options = {}
    for key, value in next, state.options do
      if key ~= "idempotency_key" then copied.options[key] = value end
    end
  end
  return copy
end

function own.set(self, name, ...)
  local state = state_of(self, "set")
  if type(name) ~= "string" then
    invalid(state.class.resource .. ":set() expects a parameter's name and its value, got a " .. type(name) .. " as name")
  end
  return core.method_of(state, name)(self, ...)
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
  for i = 1, n do core.method_of(state, names[i])(self, given[names[i]]) end
  return self
end

own["with"] = function(self, given)
  local state = changeable(self, "with")
  expect_table(state, given, ":with{…}", "request options")
  local status, payload = host(CHECK, state.class.target, ":with", encode(given))
  if status == 1 then core.refuse(payload) end
  local options = {}
  for key, value in next, state.options or {} do options[key] = value end
  for key, value in next, given do options[key] = type(value) == "table" and decode(encode(value)) or value end
  state.options = options
  return self
end

function core.show_builder(state)
  local ok, shown = pcall(function() return core.inspect(decode(parameters(state))) end)
  local out = state.class.resource .. (state.id and (" " .. state.id) or "") .. " " .. (ok and shown or "{…}")
  local status, masked = host(TOOL, "mask", out)
  return status == 0 and masked or state.class.resource
end
