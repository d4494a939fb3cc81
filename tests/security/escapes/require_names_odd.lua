-- what: names no file system takes, numbers, links in a circle
-- source: docs/security.md, threat model (own finding: the system's error showed the folder)
-- expect: ok
for n, name in ipairs { 5, 0 / 0, ("\228\184\173"):rep(100), ("a"):rep(150) .. "." .. ("b"):rep(40), "circle" } do
  local ok, err = pcall(require, name)
  assert(not ok and err.kind == "invalid", n)
  assert(n == 4 or not err.message:find("/", 1, true), err.message)
end
assert(os.getenv(5) == nil)
return "ok"
