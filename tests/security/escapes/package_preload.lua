-- what: package.preload gives the script's own functions, and no others
-- source: lua-users wiki, SandBoxes
-- expect: ok
assert(next(package.preload) == nil)
package.preload.x = function(name) return { name, getfenv, jit } end
assert(require("x")[1] == "x" and require("x")[2] == nil and require("x")[3] == nil)
for _, loader in ipairs { 1, "text", true, {} } do
  package.preload.y = loader
  assert(not pcall(require, "y"))
end
package.preload = nil
assert(not pcall(require, "z"))
return "ok"
