-- what: captures compared over and over
-- source: Lua 5.1 manual, captures
-- expect: limit
while true do (("a"):rep(100000)):find("(.*)(.*)%1%2b") end
