-- What libraries that people bring expect of Lua.
describe("require", function()
  it("gives Lua's own libraries", function()
    for _, name in ipairs { "string", "table", "math", "bit", "coroutine", "os", "io", "debug", "package", "_G" } do
      assert.is_true(rawequal(require(name), _G[name]))
      assert.is_true(rawequal(package.loaded[name], _G[name]))
    end
    for _, name in ipairs { "ffi", "jit", "jit.util", "lfs", "utf8" } do assert.is_false(pcall(require, name)) end
  end)

  it("keeps what it gave in package.loaded", function()
    local prices = require("modules.prices")
    assert.is_true(rawequal(package.loaded["modules.prices"], prices))
    package.loaded["modules.prices"] = { other = true }
    assert.is_true(require("modules.prices").other)
    package.loaded["modules.prices"] = prices
  end)

  it("gives a module that names itself before it is done, to those it requires", function()
    local module = require("modules.registers")
    assert.is_true(rawequal(module.friend.friend, module))
  end)

  it("tells the first error of a module again, and does not run it twice", function()
    local _, first = pcall(require, "modules.fails")
    local _, second = pcall(require, "modules.fails")
    assert.matches("modules/fails.lua:2: load 1$", first)
    assert.equals(first, second)
    assert.equals(1, fails_loads)
    assert.is_nil(package.loaded["modules.fails"])
  end)

  it("lets tasks wait for one that another task is loading", function()
    local a, b = parallel(function() return require("modules.slow") end, function() return require("modules.slow") end)
    assert.is_true(rawequal(a, b))
    assert.equals(1, slow_loads)
  end)

  it("looks in package.path and package.preload", function()
    local path = package.path
    package.path = "./modules/?.lua;" .. path
    assert.equals(4, require("prices").double(2))
    package.path = path
    package.preload.made = function(name) return { name = name } end
    assert.equals("made", require("made").name)
    for _, bad in ipairs { "/?.lua", "../lua/modules/?.lua", "modules/../modules/?.lua" } do
      package.path = bad
      assert.is_false(pcall(require, "loop"))
    end
    package.path = path
  end)
end)

describe("a library for many versions of Lua", function()
  local wild = require("modules.wild")

  it("finds what it looks at", function()
    assert.equals("modules.wild", wild.name)
    assert.equals("wild.lua", wild.file)
    assert.equals("main", wild.kind)
    assert.equals(16, wild.sum)
    assert.equals("a--b", wild.joined)
    assert.same({ "Lua 5.1", false, false, false, false, 1 }, wild.facts)
    assert.is_true(wild.memory > 0)
  end)

  it("sees who called it", function()
    local info = wild.where()
    assert.matches("libraries_test.lua$", info.source)
    assert.equals(68, info.currentline)
    assert.is_nil(info.func)
  end)

  it("has the stack of an error in xpcall's handler", function()
    local function inner() error("deep") end
    local _, trace = wild.guarded(function() local x = inner() return x end)
    assert.matches("^[^\n]*libraries_test.lua:%d+: deep\nstack traceback:\n", trace)
    assert.matches("\n\t[^\n]*libraries_test.lua:75: in function 'inner'\n", trace)
    assert.matches("libraries_test.lua:%d+: in ", trace)
  end)
end)

describe("debug", function()
  it("tells levels as Lua does, calls through the host as one of C", function()
    local function at(level)
      local info = debug.getinfo(level, "Sl")
      return info
    end
    assert.equals("C", at(0).what)
    local here = at(2).currentline
    assert.equals(1, at(2).currentline - here)
    local level
    pcall(function() level = { at(1).what, at(2).what, at(3).short_src } end)
    assert.equals("C", debug.getinfo(pcall).what)
    assert.equals("Lua", level[1])
    assert.is_nil(debug.getinfo(1000))
    local info = debug.getinfo(at)
    assert.equals(here - 5, info.linedefined)
  end)

  it("gives the stack of a coroutine", function()
    local co = coroutine.create(function() local x = coroutine.yield() return x end)
    coroutine.resume(co)
    assert.matches("^stack traceback:\n\t%[C%]: in function 'yield'\n\t[^\n]*libraries_test.lua:%d+: in function", debug.traceback(co))
    assert.equals("C", debug.getinfo(co, 0, "S").what)
    assert.matches("^m\nstack traceback:", debug.traceback(co, "m"))
  end)

  it("leaves a message that is no text as it is", function()
    local own = {}
    assert.is_true(rawequal(own, debug.traceback(own)))
  end)
end)

describe("collectgarbage", function()
  it("answers as Lua's does, and leaves the collector alone", function()
    assert.equals(0, collectgarbage())
    for what, answer in pairs { collect = 0, stop = 0, restart = 0, step = true, setpause = 200, setstepmul = 200 } do
      assert.equals(answer, collectgarbage(what, 100))
    end
    assert.is_number(collectgarbage("count"))
    assert.error_matches(function() collectgarbage("generational") end, "invalid option 'generational'")
  end)
end)

describe("io.stdout", function()
  it("writes, and gives itself", function()
    assert.is_true(rawequal(io.stdout, io.stdout:write("")))
    assert.is_true(rawequal(io.stdout, io.write("")))
    assert.is_nil(io.stderr)
  end)
end)
