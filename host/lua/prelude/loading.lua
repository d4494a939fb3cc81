-- load, loadstring and require: source text only.
local core = ...
local env, type, error, to_text, byte, concat = core.env, core.type, core.error, core.to_text, core.string.byte,
  core.table.concat
local LONGEST_NAME = 1000 -- bytes; each frame of a traceback has it
local tool, check, offered = core.tool, core.check, core.globals

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
  return core.load(source, name, "t", globals or env)
end
function offered.loadstring(source, name)
  if type(source) ~= "string" then
    error("bad argument #1 to 'loadstring' (string expected, got " .. (source == nil and "no value" or type(source)) .. ")", 2)
  end
  return offered.load(source, name or "=(loadstring)")
end

local loaded, loading = {}, {}
function offered.require(name)
  check(name, "string", 1, "require")
  name = to_text(name)
  if loaded[name] ~= nil then return loaded[name] end
  if loading[name] then error("loop in require: '" .. name .. "' is being loaded already", 2) end
  local source = tool("require", name)
  local chunk, message = core.compile(source, "@" .. tool("require.path", name))
  if not chunk then error("error loading module '" .. name .. "': " .. message, 2) end
  loading[name] = true
  local value = chunk(name)
  loading[name] = nil
  if value == nil then value = true end
  loaded[name] = value
  return value
end
