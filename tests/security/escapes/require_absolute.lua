-- what: require of absolute paths
-- source: CWE-22
-- expect: ok
for _, name in ipairs { "/etc/passwd", "/etc/passwd\0", "//etc/passwd", "~/x", "file:///etc/passwd", "/proc/self/environ", "/dev/zero", "/dev/stdin", "C:\\x" } do
  assert(not pcall(require, name), name)
end
return "ok"
