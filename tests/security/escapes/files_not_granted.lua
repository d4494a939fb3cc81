-- what: fs.* and sql.* without a grant
-- source: docs/security.md, threat model
-- expect: ok
for _, f in ipairs {
  function() return fs.read("/etc/passwd") end,
  function() return fs.write("/tmp/x", "y") end,
  function() return fs.list("/") end,
  function() return sql.query("select 1") end,
  function() return sql.execute("attach database '/etc/passwd' as x") end,
} do assert(not pcall(f)) end
return "ok"
