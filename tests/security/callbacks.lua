-- Calls every function that can be reached from `roots` (name -> value) with values whose every metamethod, and functions
-- that, note whether they run under C: there a coroutine cannot yield. `methods`: names tried on userdata. Gives what was
-- noted, and how many functions were called; uses nothing but what a script has.
local roots, methods, SKIPPED = ...
local isyieldable, running, create, resume = coroutine.isyieldable, coroutine.running, coroutine.create, coroutine.resume
local pcall, select, type, pairs, ipairs, tostring, setmetatable = pcall, select, type, pairs, ipairs, tostring, setmetatable
local found, order, current = {}, {}, nil

local function note(what)
  if running() and not isyieldable() then
    local finding = current .. " calls " .. what
    if not found[finding] then
      found[finding] = true
      order[#order + 1] = finding
    end
  end
end

local GIVES = { __tostring = "text", __index = 1, __lt = true, __le = true, __eq = true, __concat = "text", __len = 1, __call = 1 }
local meta = {}
for _, event in ipairs { "__index", "__newindex", "__call", "__tostring", "__lt", "__le", "__eq", "__concat", "__len", "__add",
  "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__pairs", "__ipairs", "__name", "__gc" } do
  meta[event] = function()
    note(event)
    return GIVES[event]
  end
end
local function hostile(value) return setmetatable(value or {}, meta) end
local function callback()
  note("a function it was given")
  return nil
end

-- Made anew for each call, as a call may change them.
local VALUES = {
  function() return hostile() end,
  function() return hostile { hostile(), 1, hostile() } end,
  function() return { hostile(), 2, hostile() } end,
  function() return { [hostile()] = 1, [hostile()] = hostile(), a = hostile() } end,
  function() return callback end,
  function() return "a%s" end,
  function() return 2 end,
  function() return nil end,
}

local calls = 0
local function try(path, fn, ...)
  current = path
  calls = calls + 1
  local co = create(function(...) pcall(fn, ...) end)
  resume(co, ...)
end

local function probe(path, fn, self)
  for i = 1, #VALUES do
    for j = 1, #VALUES do
      if self then
        try(path, fn, self, VALUES[i](), VALUES[j]())
      else
        for k = 1, #VALUES, 2 do try(path, fn, VALUES[i](), VALUES[j](), VALUES[k]()) end
      end
    end
  end
end

local seen, functions = {}, 0
local walk

local function walk_function(path, fn)
  functions = functions + 1
  probe(path, fn)
  -- What it gives for ordinary arguments may be a function or an object too: an iterator, a page, a task.
  for _, arguments in ipairs { { "text", "t" }, { { 1, 2 } }, { callback }, { 1 }, {} } do
    local co = create(function() return pcall(fn, arguments[1], arguments[2]) end)
    local got = { resume(co) }
    for i = 3, #got do
      if type(got[i]) ~= "string" then walk(got[i], path .. "()") end
    end
  end
end

function walk(value, path)
  if SKIPPED[path] or seen[value] or select(2, path:gsub("%(%)", "")) > 1 then return end
  local kind = type(value)
  if kind == "function" then
    seen[value] = true
    walk_function(path, value)
  elseif kind == "table" then
    seen[value] = true
    for key, item in pairs(value) do walk(item, path == "" and tostring(key) or path .. "." .. tostring(key)) end
  elseif kind == "userdata" then
    seen[value] = true
    for _, name in ipairs(methods) do
      local ok, method = pcall(function() return value[name] end)
      if ok and type(method) == "function" then
        functions = functions + 1
        probe(path .. ":" .. name, method, value)
      end
      if ok and type(method) == "userdata" then walk(method, path .. "." .. name) end
    end
    -- What its own operators do with such values.
    for i = 1, #VALUES do
      try(path .. " ..", function(other) return value .. other end, VALUES[i]())
      try(path .. " []", function(other) return value[other] end, VALUES[i]())
      try(path .. " []=", function(other) value[other] = other end, VALUES[i]())
      try(path .. " ()", function(other) return value(other) end, VALUES[i]())
      try(path .. " ==", function(other) return value == other or value < other end, VALUES[i]())
    end
    try("tostring of " .. path, function() return tostring(value) end)
  end
end

walk(roots, "")
return table.concat(order, "\n"), functions, calls
