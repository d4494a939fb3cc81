-- what: the widest floats in the longest precision
-- source: CVE-2024-25176 (LuaJIT, lj_strfmt_wfnum)
-- expect: ok
for _, letter in ipairs { "f", "g", "e", "a", "F", "G", "E", "A" } do
  for _, number in ipairs { 1e308, -1e308, 2 ^ -1074, 1 / 0, 0 / 0, 1.7976931348623157e308, 9.99999999999999e99, 0.1 } do
    for _, flags in ipairs { "%99.99", "%-99.99", "%+99.99", "%#99.99", "%0.99", "%.17", "%.0" } do
      local ok, out = pcall(string.format, flags .. letter, number)
      assert(not ok or #out < 600)
    end
  end
end
return "ok"
