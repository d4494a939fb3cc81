-- load, loadstring and require: source text only.
local core = ...
local env, type, error, to_text, byte, concat = core.env, core.type, core.error, core.to_text, core.string.byte,
  core.table.concat
local LONGEST_NAME = 1000 -- bytes; each frame of a traceback has it
local tool, check, rawget, offered = core.tool, core.check, core.rawget, core.globals

function offered.load(source, name, mode, globals)
  if type(source) == "function" then
    local parts, n, size = {}, 0, 0
    while true do
      local piece = source()
      if piece == nil or piece == "" then break end
      if type(piece) ~= "string" then return nil, "reader function must return a string" end
      n, size = n + 1, size + #piece
      if size > 16777216 then return nil, "the chunk is over 16 MB" end
      parts[n] = piece
    end
    source = concat(parts, "", 1, n)
  end
  if type(source) ~= "string" then
    error("bad argument #1 to 'load' (string or function expected, got " .. (source == nil and "no value" or type(source)) .. ")", 2)
  end
  if byte(source, 1) == 27 or (mode ~= nil and mode ~= "t" and mode ~= "bt") then
    return nil, "precompiled Lua is not accepted, only source text"
  end
  core.charge(#source * 6) -- compiling is one call of C
  if globals ~= nil and type(globals) ~= "table" then error("bad argument #4 to 'load' (table expected)", 2) end
  name = name == nil and "=(load)" or core.string.sub(to_text(name), 1, LONGEST_NAME)
  return core.compile(source, name, globals or env)
end
function offered.loadstring(source, name)
  if type(source) ~= "string" then
    error("bad argument #1 to 'loadstring' (string expected, got " .. (source == nil and "no value" or type(source)) .. ")", 2)
  end
  return offered.load(source, name or "=(loadstring)")
end

-- What require gave, by name: package.loaded. Lua's own libraries count as loaded; they are made when they are asked for.
local STANDARD = " _G bit coroutine debug io math os package string table "
local loaded = core.setmetatable({}, { __metatable = false, __index = function(_, name)
  if type(name) == "string" and core.string.find(STANDARD, " " .. name .. " ", 1, true) then return env[name] end
end })
core.loaded = loaded

local loading, failed, run = {}, {}, core.run -- name -> the task that loads it and those that wait, name -> its error

-- The module's code: from package.preload, or a file beside the script.
local function find_module(name)
  local package = rawget(core, "packages")
  local preload, path = package and package.preload, package and package.path
  local chunk = type(preload) == "table" and rawget(preload, name) or nil
  if chunk ~= nil then return chunk end
  if package and type(path) ~= "string" then error("'package.path' must be a string", 3) end
  local source = tool("require", name, path)
  local compiled, message = core.compile(source, "@" .. tool("require.path", name, path))
  if not compiled then error("error loading module '" .. name .. "': " .. message, 3) end
  return compiled
end

local function load_module(name, chunk)
  local entry = { task = run.current }
  loading[name] = entry
  local co, ok, value = core.apart(chunk, name) -- its stack is still there when it fails
  loading[name] = nil
  local cancelled = not ok and type(value) == "table" and rawget(value, "kind") == "cancelled"
  if not ok and not cancelled then failed[name] = { value } end
  if ok and value ~= nil then loaded[name] = value end
  if ok and rawget(loaded, name) == nil then loaded[name] = true end
  core.wake_waiters(entry)
  if not ok then core.rethrow(value, co) end
  return loaded[name]
end

function offered.require(name)
  check(name, "string", 1, "require")
  name = to_text(name)
  local entry
  while loaded[name] == nil do
    if failed[name] then return error(failed[name][1], 0) end
    entry = loading[name]
    if not entry then return load_module(name, find_module(name)) end
    if entry.task == run.current then
      error("loop in require: '" .. name .. "' is being loaded already", 2)
    end
    core.await(entry)
  end
  return loaded[name]
end
