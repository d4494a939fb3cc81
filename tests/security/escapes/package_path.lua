-- what: package.path that leads out of the script's folder
-- source: Lua 5.1 manual, package.path
-- expect: ok
for _, path in ipairs {
  "/etc/?", "/?", "../?.lua", "./../?.lua", "x/../../?.lua", "..\\?.lua", "?/../../secret.lua", "/dev/stdin", "//etc/passwd", "~/?",
  "linked_folder/?.lua", "linked_?.lua", "pipe.lua", "folder.lua", "circle.lua", "%s", "?", "", ";;;", "\0", ("?;"):rep(2000), ("?"):rep(10000),
} do
  package.path = path
  assert(not pcall(require, "secret"), path)
end
for _, path in ipairs { 1, {}, true } do
  package.path = path
  assert(not pcall(require, "neighbour2"))
end
package.path = "folder/?.lua;./?.lua"
assert(require("neighbour").answer == 42)
return "ok"
