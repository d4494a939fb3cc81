-- sql: the granted database, or sql.connect(name) if there are several. A transaction ends with its function.
local core = ...
local type, pcall, error, setmetatable = core.type, core.pcall, core.error, core.setmetatable
local ask, raise, encode_list = core.ask, core.raise, core.encode_list
local FUNCTION = 5 -- protocol
local open = setmetatable({}, { __mode = "k" }) -- by task: the databases of its transactions, the outermost first

-- Rolls back without raising. Waits for the end if the task may still wait, else leaves it to the host.
local function give_up(place)
  if core.run.dead then return end -- the host rolls back open transactions
  if not core.run.current.cancelled then
    pcall(ask, "sql.rollback", place)
    return
  end
  core.call_later(FUNCTION, "sql.rollback", encode_list(1, place), function() end)
end

local function finish(place, mine, ok, ...)
  mine[#mine] = nil
  if ok then
    local done, why = pcall(ask, "sql.commit", place)
    if done then return ... end
    give_up(place)
    return error(why, 0)
  end
  give_up(place)
  return error((...), 0)
end

-- Asks for what is no part of a transaction. The databases of this task's transactions go along: the host refuses what
-- would wait for one of them to end, which it cannot while its function waits.
local function beside(name, where, ...)
  local mine = open[core.run.current]
  if not mine or #mine == 0 then return ask(name, where, ...) end
  local statement, parameters = ...
  return ask(name, where, statement, parameters, mine)
end

local function database(where)
  local db, call = {}, type(where) == "table" and ask or beside
  function db.query(...) return call("sql.query", where, ...) end
  function db.execute(...) return call("sql.execute", where, ...) end
  return db
end

-- db:query(…) and db.query(…) are the same.
local function either_way(db)
  for name, fn in core.pairs(db) do
    db[name] = function(self, ...)
      if self == db then return fn(...) end
      return fn(self, ...)
    end
  end
  return db
end

local function transaction(where, fn)
  if type(fn) ~= "function" then
    raise { kind = "invalid", message = "sql.transaction expects a function, got " .. (fn == nil and "nothing" or "a " .. type(fn)) }
  end
  local place = { tx = beside("sql.begin", where) }
  local task = core.run.current
  local mine = open[task] or {}
  open[task], mine[#mine + 1] = mine, where
  return finish(place, mine, pcall(fn, either_way(database(place))))
end

local function full(where)
  local db = database(where)
  function db.transaction(fn) return transaction(where, fn) end
  return db
end

local sql = full(core.NULL)
for name, fn in core.pairs(sql) do
  sql[name] = function(...)
    core.refuse_colon(sql, (...), "sql." .. name)
    return fn(...)
  end
end
function sql.connect(where)
  return setmetatable(either_way(full(ask("sql.connect", where))), { __metatable = false, __tostring = function() return "database " .. where end })
end
core.globals.sql = sql
