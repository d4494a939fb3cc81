-- A module for library_test.lua.
loads = (loads or 0) + 1
return { double = function(n) return n * 2 end }
