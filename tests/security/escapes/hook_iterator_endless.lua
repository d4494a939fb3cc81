-- what: an iterator that never ends
-- source: Lua 5.1 manual, generic for
-- expect: limit
for _ in function() return 1 end do end
