-- Pages: the answers of lists. A page is the list of its items, so that #page, ipairs, page[i], pairs and next mean these;
-- the answer's own fields (data, has_more …) and each and collect are found through its metatable.
local core = ...
local type, next, rawget, pcall, error, tostring, setmetatable, getmetatable = core.type, core.next, core.rawget, core.pcall,
  core.error, core.tostring, core.setmetatable, core.debug.getmetatable
local raise, call, encode, run, array_meta, answer_meta = core.raise, core.call, core.encode, core.run, core.array_meta,
  core.answer_meta
local format, floor, gmatch, match = core.string.format, core.math.floor, core.string.gmatch, core.string.match
local PAGE = 3 -- protocol: kind of call
local NIL = "\192"
local MOST = 10000 -- items collect() takes by default

local HOW = {} -- key of a page's metatable: how its list goes on
local UNTOLD = {} -- the same of an answer in which nobody knows the list
-- how: target (the operation; of a list inside an object the API), member (which field has the items, dotted; "" where the
-- answer is the list itself, "?" where that is not known), style, id (the field that identifies items, dotted), given
-- (encoded arguments), at (where the page is, as the host says), backwards.

local function dig(value, path)
  for step in gmatch(path, "[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[step]
  end
  return value
end

local function page_of(value)
  local meta = type(value) == "table" and getmetatable(value)
  return meta and rawget(meta, HOW) or nil
end
core.page_of = page_of

-- A page as the answer it came in, for those who show or send it whole; anything else as it is.
function core.page_fields(value)
  local how = page_of(value)
  if not how then return value end
  if how.member == "" then return next(value) ~= nil and value or setmetatable({}, array_meta) end
  local whole = {}
  for key, item in next, getmetatable(value).__index do whole[key] = item end
  for key, item in next, value do
    if type(key) ~= "number" then whole[key] = item end
  end
  return whole
end

local methods = {}
local fields_meta = { __index = methods }

local function show(page) return core.inspect(page) end

local function is_called(page)
  local data = page_of(page).member
  raise { kind = "invalid", message = "a page is not an iterator: write for item in page:each() to go over all pages, or for _, item in ipairs(page"
    .. (data == "" and "" or "." .. data) .. ") over the items of this one" }
end

-- An answer as a page; as it is where it has no items.
function core.page(answer, how)
  if type(answer) ~= "table" then return answer end
  local meta = page_of(answer) and getmetatable(answer)
  if meta then -- taken for a list inside an object before
    meta[HOW] = how
    return answer
  end
  local items = answer
  if how.member ~= "" then items = dig(answer, how.member) end
  if items == nil and how.style ~= "none" then items = {} end -- some leave out what is empty
  if type(items) ~= "table" or #items == 0 and next(items) ~= nil then
    if how.style == "none" and how.member ~= "?" or #answer > 0 then return answer end
    return setmetatable(answer, { __index = methods, __tostring = show, [UNTOLD] = how })
  end
  local page = answer
  if items ~= answer then
    page = {}
    for i = 1, #items do page[i] = items[i] end
    setmetatable(answer, fields_meta)
  end
  return setmetatable(page, { __index = items == answer and methods or answer, __tostring = show, __call = is_called, [HOW] = how })
end

local nested = {} -- API -> how the lists inside its objects go on

function core.nested_page(list, api)
  local how = nested[api]
  if not how then
    how = { target = api, member = "data", style = "cursor", id = "id" }
    nested[api] = how
  end
  return core.page(list, how)
end

local function items_of(page, how)
  if how.member == "" then return page end
  local items = dig(page, how.member)
  return type(items) == "table" and items or {}
end

local function id_of(item, how)
  if type(item) ~= "table" then return nil end
  return item[how.id] or dig(item, how.id)
end

-- A copy of `whole` in which `path` leads to `value`; what is on the way is copied too.
local function with_member(whole, path, value)
  local step, rest = match(path, "^([^.]+)%.(.+)$")
  local copy = {}
  for key, each in next, whole do copy[key] = each end
  copy[step or path] = step and with_member(type(whole[step]) == "table" and whole[step] or {}, rest, value) or value
  return copy
end

-- The items of the next page less those at its start that were the last of the one before: whatever was added to the list
-- meanwhile has moved them there.
local function beyond(before, items, how)
  local n, first = #before, id_of(items[1], how)
  if first == nil then return items end
  for start = 1, n do
    local same = n - start + 1
    if id_of(before[start], how) == first and same <= #items then
      for i = 2, same do
        if id_of(before[start + i - 1], how) ~= id_of(items[i], how) then same = 0 break end
      end
      if same > 0 then
        local rest = {}
        for i = same + 1, #items do rest[i - same] = items[i] end
        return rest
      end
    end
  end
  return items
end

-- What is needed of a page to ask for the next: its other fields, and the plain fields of its first and last item.
local function ends_of(page, how)
  local ends, items = setmetatable({}, array_meta), items_of(page, how)
  for place = 1, #items > 1 and 2 or #items do
    local item = place == 1 and items[1] or items[#items]
    if type(item) == "table" then
      local plain = {}
      for key, value in next, item do
        if type(key) == "string" and type(value) ~= "table" then plain[key] = value end
      end
      local id = id_of(item, how)
      if type(id) == "string" or type(id) == "number" then plain = with_member(plain, how.id, id) end
      item = plain
    end
    ends[place] = item
  end
  if how.member == "" then return ends end
  return with_member(core.page_fields(page), how.member, ends)
end

local function unexpected(how, what)
  raise { kind = "unexpected", message = how.target .. ": " .. what, operation = how.target }
end

-- Walks all items. A page by cursor is asked for before the last item of the one before goes out, as a script may delete what
-- it is given, and an object that is gone is no cursor. Of other pages that one is asked for again where the script made
-- calls since, for what it deleted has made others move up into it.
local function walk(first, how)
  local now, items = first, items_of(first, how)
  local step = how.backwards and -1 or 1
  local i, eager = how.backwards and #items + 1 or 0, how.style == "cursor"
  local at, following, following_at, failure, last = how.at, nil, nil, nil, how.bytes -- at: which page it is, as the host says
  local most, counted = nil, how.style == "number" or how.style == "offset" -- most: the first page's items, for later ones
  local places, seen, calls = {}, not eager and {} or nil, run.calls

  local function fetch(again)
    local request = "\150" .. (how.given or NIL) .. encode(ends_of(now, how)) .. (at or NIL) .. encode(#items_of(now, how)) .. encode(again)
      .. (most and encode(most) or NIL)
    if not most then most = #items_of(now, how) end
    local status, bytes, place = call(PAGE, how.target, request)
    if status ~= 0 or not bytes then return false end
    if not again then
      if place then
        if places[place] then unexpected(how, "the API repeats a page it gave before, so the list would never end") end
        places[place] = true
      end
      if counted then
        if bytes == last and type(items[1]) == "table" then unexpected(how, "the API answers every page with the same items") end
        last = bytes
      end
    end
    local page = core.page(core.decode_answer(bytes, how.api), how)
    return page_of(page) and page or false, place
  end

  local function go_to(page, place)
    local before = counted and now ~= page and items_of(now, how)
    now, at, items, calls = page, place, items_of(page, how), run.calls
    following, i = nil, how.backwards and #items + 1 or 0
    if before and #items > 0 then
      items = beyond(before, items, how)
      if #items == 0 then unexpected(how, "the API answers another page with the same items") end
    end
  end

  -- The items that moved up into this page since it came.
  local function moved_up()
    local page, place = fetch(true)
    if not page then return false end
    local fresh, n = {}, 0
    for _, item in core.ipairs(items_of(page, how)) do
      local id = id_of(item, how)
      if id ~= nil and not seen[id] then
        n = n + 1
        fresh[n] = item
      end
    end
    go_to(page, place)
    items = fresh
    return n > 0
  end

  local function advance()
    if following == nil then
      if not eager and run.calls ~= calls and next(seen) ~= nil and moved_up() then return true end
      local page, place = fetch(false)
      if page then go_to(page, place) end
      return page and true or false
    end
    if not following then return false end
    go_to(following, following_at)
    return true
  end

  return function()
    while true do
      if failure then
        local err = failure
        failure, following, items = nil, false, {}
        return error(err, 0)
      end
      i = i + step
      local item = items[i]
      if item ~= nil then
        if eager and following == nil and items[i + step] == nil then
          local ok, page, place = pcall(fetch, false)
          if ok then
            following, following_at = page, place
          elseif run.dead or run.current.cancelled then
            return error(page, 0)
          else
            failure = page -- raised after this item
          end
        elseif seen then
          local id = id_of(item, how)
          if id ~= nil then seen[id] = true end
        end
        return item
      end
      if not advance() then
        following, items = false, {}
        return nil
      end
    end
  end
end

-- Where the items of an answer are whose pages are not known.
local function items_are(page, how)
  if how.member == "" then return "the items of this answer are the list itself" end
  if how.member ~= "?" then return "the items of this answer are in ." .. how.member end
  local names = {}
  for key, value in next, page do
    if type(key) == "string" and type(value) == "table" and (#value > 0 or next(value) == nil) then names[#names + 1] = "." .. key end
  end
  core.table.sort(names)
  return #names == 0 and "nor is there a list in this answer" or "the lists of this answer are in " .. core.table.concat(names, ", ")
end

local function expect_page(page, name)
  local how = page_of(page)
  local meta = not how and type(page) == "table" and getmetatable(page)
  how = how or meta and rawget(meta, UNTOLD)
  if not how then raise { kind = "invalid", message = name .. " is a method of a page: write page:" .. name .. "() with a colon" } end
  if meta and how.style ~= "none" then
    unexpected(how, "the answer has no list " .. (how.member == "" and "" or "in ." .. how.member) .. " where the document has the items")
  end
  if how.style == "none" then
    raise { kind = "invalid", message = how.target .. ": how its pages follow each other is not known from the document, so there is no :"
      .. name .. "(); " .. items_are(page, how) .. ". paging = \"…\" of the API (host.toml, add_api, --paging) says it" }
  end
  return how
end

function methods.each(page)
  return walk(page, expect_page(page, "each"))
end

function methods.collect(page, max)
  local how = expect_page(page, "collect")
  if max == nil then max = MOST end
  if type(max) ~= "number" or max < 1 or max ~= floor(max) then
    raise { kind = "invalid", message = "collect(max) expects a whole number of items from 1, got " .. tostring(max) }
  end
  local out, n = {}, 0
  for item in walk(page, how) do
    if n >= max then
      raise { kind = "limit", operation = how.target, message = format("%s: the list has more than %d items; collect(max) with a larger one "
        .. "takes them, :each() goes over them without keeping all", how.target, max) }
    end
    n = n + 1
    out[n] = item
  end
  return setmetatable(out, n == 0 and array_meta or answer_meta)
end
