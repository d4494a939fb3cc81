-- stripe.products.list{…}: every operation of an API by its dotted name, and pages that go on.
local core = ...
local host, type, select, next, tostring, setmetatable, rawget = core.host, core.type, core.select, core.next,
  core.tostring, core.setmetatable, core.rawget
local raise, call, encode, encode_list, decode, head = core.raise, core.call, core.encode, core.encode_list, core.decode, core.head
local newproxy, getmetatable, set_env, tag_of = core.newproxy, core.getmetatable, core.set_env, core.tag_of
local getinfo = core.debug.getinfo
local PRELUDE, MEMBER, OPERATION, PAGE = 9, 14, 1, 3

-- What is needed of a page to ask for the next: its plain fields, and the ids at its ends.
local function ends_of(page)
  local about = {}
  for key, value in next, page do
    if type(key) == "string" and type(value) ~= "table" and type(value) ~= "function" then about[key] = value end
  end
  local data = rawget(page, "data")
  if type(data) == "table" then
    local first, last = data[1], data[#data]
    about.data = setmetatable({}, core.array_meta)
    if type(first) == "table" then about.data[1] = { id = first.id } end
    if type(last) == "table" then about.data[2] = { id = last.id } end
  end
  return about
end

-- Gives a page its each(). target is the operation, given its encoded arguments (nil for a list inside an object).
local function paged(page, target, given, backwards)
  if type(page) ~= "table" then return page end
  local function each()
    local now, i = page, backwards and #(page.data or {}) + 1 or 0
    return function()
      while true do
        local data = now.data or {}
        i = i + (backwards and -1 or 1)
        local item = data[i]
        if item ~= nil then return item end
        local request = head(2, 0x90, 0xDC) .. (given or "\192") .. encode(ends_of(now))
        local status, bytes = call(PAGE, target, request)
        if status ~= 0 or not bytes then return nil end
        now = decode(bytes)
        if type(now) ~= "table" or type(now.data) ~= "table" then return nil end
        i = backwards and #now.data + 1 or 0
      end
    end
  end
  return setmetatable(page, { __index = { each = each }, __tostring = core.answer_meta.__tostring })
end

core.exact = rawget(core, "exact") or {} -- functions that take their own arguments and no more

local function operation(target, paging)
  local function call_it(...)
    local n = select("#", ...)
    if n > 0 and tag_of((...), "namespace") then
      raise { kind = "invalid", message = "an operation is called with a dot, not a colon: write " .. target .. "(…)" }
    end
    local given = encode_list(n, ...)
    local status, bytes = call(OPERATION, target, given)
    local value
    if bytes then value = decode(bytes) end
    if paging then
      local backwards = false
      for i = 1, n do
        local argument = select(i, ...)
        if type(argument) == "table" and rawget(argument, "ending_before") ~= nil then backwards = true end
      end
      return paged(value, target, given, backwards)
    end
    return value
  end
  core.exact[call_it] = true
  return call_it
end

function core.page(page) return paged(page, core.page_api or "stripe") end

local proto = newproxy(true)
local meta = getmetatable(proto)

local function namespace(path)
  local self = newproxy(proto)
  set_env(self, { tag = "namespace", path = path, members = {} })
  return self
end

meta.__metatable = false
meta.__newindex = function(self) raise { kind = "invalid", message = tostring(self) .. " cannot be assigned to" } end
meta.__tostring = function(self)
  local state = tag_of(self, "namespace")
  return state and state.path or "namespace"
end
meta.__call = function(self)
  raise { kind = "invalid", message = tostring(self) .. " is a group of operations, not an operation: call " .. tostring(self) .. ".<operation>(…)" }
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
  else -- a builder: new_<resource>
    if not core.makers.builders then core.load_code(host(PRELUDE, "builders")) end
    member = core.makers.builders(key, a, b)
  end
  state.members[key] = member
  return member
end

function core.makers.namespaces(_, api) return namespace(api) end
