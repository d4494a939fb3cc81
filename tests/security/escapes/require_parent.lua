-- what: require that climbs out of the script's folder
-- source: CWE-22
-- expect: ok
for _, name in ipairs { "../secret", "..secret", "../../secret", "..", ".", "a/../../secret", "./../secret", "..\\secret", "....//secret" } do
  assert(not pcall(require, name), name)
end
return "ok"
