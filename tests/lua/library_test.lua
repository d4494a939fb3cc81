-- What of Lua's own library is there, and what is not.
describe("require", function()
  it("loads a module beside the script, once", function()
    assert.equals(4, require("modules.prices").double(2))
    assert.is_true(rawequal(require("modules.prices"), require("modules.prices")))
    assert.equals(1, loads)
  end)

  it("names what it cannot load", function()
    assert.error_matches(function() require("modules.none") end, "there is no modules/none.lua beside the script")
    assert.error_matches(function() require("../values_test") end, "expected a module's name")
    assert.error_matches(function() require("modules.broken") end, "error loading module.*modules/broken.lua:1:")
    assert.error_matches(function() require("modules.loop") end, "loop in require")
  end)
end)

describe("load", function()
  it("compiles source text in the script's globals", function()
    assert.equals(2, load("return 1 + 1")())
    assert.equals(5, loadstring("return ...")(5))
    local own = {}
    load("y = 3", "chunk", "t", own)()
    assert.equals(3, own.y)
    assert.is_nil(y)
  end)

  it("refuses compiled chunks and wrong source", function()
    local chunk, message = load("\27LJ")
    assert.is_nil(chunk)
    assert.matches("only source text", message)
    chunk, message = load("x = =", "=mine")
    assert.is_nil(chunk)
    assert.matches("^mine:1:", message)
  end)
end)

describe("globals", function()
  it("lack every way out", function()
    for _, name in ipairs { "ffi", "jit", "python", "newproxy", "dofile", "loadfile", "module", "getfenv", "setfenv" } do
      assert.is_nil(_G[name])
    end
    assert.is_nil(string.dump)
    for _, name in ipairs { "open", "popen", "lines", "output" } do assert.is_nil(io[name]) end
    for _, name in ipairs { "execute", "remove", "rename", "tmpname", "setlocale" } do assert.is_nil(os[name]) end
  end)

  it("have the script's own beside the host's", function()
    mine = 5
    assert.equals(5, _G.mine)
    assert.equals(5, rawget(_G, "mine"))
  end)

  it("keep metatables of strings and host values to themselves", function()
    for _, value in ipairs { "", stripe, new_product(), _G, json.null } do
      assert.is_nil(getmetatable(value))
      assert.is_false(pcall(setmetatable, value, {}))
    end
  end)
end)

describe("strings", function()
  it("have their library, as functions and as methods", function()
    assert.equals("hell0 w0rld", (("hello world"):gsub("o", "0")))
    assert.equals("v", (string.match("k=v", "%w+=(%w+)")))
    assert.equals(" 1.23", ("%5.2f"):format(1.234))
  end)

  it("are bounded", function()
    assert.error_matches(function() string.rep("x", 1e10) end, "limit")
    assert.has_error(function() return ("x"):rep(5e7) .. ("y"):rep(5e7):rep(2) end)
  end)
end)

describe("the environment", function()
  it("shows no name that was not granted", function()
    assert.is_nil(env.HOME)
    assert.is_nil(os.getenv("PATH"))
    assert.error_matches(function() env.X = 1 end, "cannot be assigned to")
  end)

  it("has the time", function()
    assert.near(os.time(), tonumber(os.date("%s") or os.time()) or os.time(), 5)
    assert.is_number(os.clock())
  end)
end)
