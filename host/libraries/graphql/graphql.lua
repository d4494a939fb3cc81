-- graphql_query(query, variables) asks the configured endpoint; graphql{url=…} makes a client for another.
local core = ...
local type, rawget, tostring, setmetatable, next = core.type, core.rawget, core.tostring, core.setmetatable, core.next
local gmatch, find = core.string.gmatch, core.string.find
local ask, raise = core.ask, core.raise

local function invalid(message) raise { kind = "invalid", message = message } end

local function copy(from)
  local to = {}
  for key, value in next, from or {} do to[key] = value end
  return to
end

-- The value at a path such as "viewer.repositories" in an answer.
local function connection_at(data, path)
  local found = data
  for step in gmatch(path, "[^.]+") do
    if type(found) ~= "table" then return nil end
    found = rawget(found, step)
  end
  return found
end

local function nodes_of(connection, path)
  local nodes = rawget(connection, "nodes")
  if type(nodes) == "table" then return nodes end
  local edges = rawget(connection, "edges")
  if type(edges) ~= "table" then invalid(path .. " has neither nodes nor edges: select nodes { … } in the query") end
  local out = {}
  for i = 1, #edges do
    local node = type(edges[i]) == "table" and rawget(edges[i], "node") or nil
    out[i] = node == nil and core.NULL or node -- no hole, at which the page would seem to end
  end
  return out
end

-- The cursor of the next page, or nil at the end. Raises an error where the pages would repeat for ever.
local function next_cursor(connection, path, query, variable, last)
  local info = rawget(connection, "pageInfo")
  if type(info) ~= "table" or rawget(info, "hasNextPage") == nil then
    invalid(path .. " has no pageInfo: select pageInfo { hasNextPage endCursor } in the query")
  end
  if not info.hasNextPage then return nil end
  if type(info.endCursor) ~= "string" then invalid(path .. ": select endCursor in pageInfo") end
  if not find(query, "%$" .. variable .. "%s*:") then
    invalid("the query has no variable $" .. variable .. " for the cursor of " .. path .. "; name yours with {cursor=…}")
  end
  if info.endCursor == last then
    raise { kind = "unexpected", message = path .. ": the server returned the same cursor twice" }
  end
  return info.endCursor
end

local function answered(target, query, variables, options)
  local answer = ask(target, query, variables, options)
  local data, errors = answer.data, answer.errors
  if type(data) ~= "table" then return data, errors end
  local function each(self, path, how)
    if type(path) ~= "string" then invalid('each expects the path of a connection, such as each("viewer.repositories")') end
    local variable = type(how) == "table" and how.cursor or "after"
    local page, cursor, i = self, type(variables) == "table" and variables[variable] or nil, 0
    local connection = connection_at(page, path)
    if type(connection) ~= "table" then invalid("the answer has nothing at " .. path) end
    local nodes = nodes_of(connection, path)
    return function()
      while true do
        i = i + 1
        if nodes[i] ~= nil then return nodes[i] end
        cursor = next_cursor(connection, path, query, variable, cursor)
        if cursor == nil then return nil end
        local following = copy(type(variables) == "table" and variables or nil)
        following[variable] = cursor
        page = ask(target, query, following, options).data
        connection = connection_at(page, path)
        if type(connection) ~= "table" then
          raise { kind = "unexpected", message = "the next page has nothing at " .. path }
        end
        nodes, i = nodes_of(connection, path), 0
      end
    end
  end
  return setmetatable(data, { __index = { each = each }, __tostring = core.answer_meta.__tostring }), errors
end

function core.globals.graphql_query(query, variables, options)
  return answered("graphql.any", query, variables, options)
end

function core.globals.graphql(options)
  if options ~= nil and type(options) ~= "table" then invalid("graphql expects a table: graphql{url=…, headers=…}") end
  local given = copy(options)
  local client = {}
  local function with(extra)
    if extra == nil then return given end
    if type(extra) ~= "table" then invalid("the options of a GraphQL query are a table") end
    local merged = copy(given)
    for key, value in next, extra do merged[key] = value end
    return merged
  end
  function client:query(query, variables, extra) return answered("graphql.query", query, variables, with(extra)) end
  function client:mutate(query, variables, extra) return answered("graphql.mutate", query, variables, with(extra)) end
  return setmetatable(client, { __metatable = false, __tostring = function() return "graphql " .. tostring(given.url or "") end })
end
