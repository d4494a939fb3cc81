"""The only package that imports lupa: LuaJIT states, the sandbox, and the Lua side of every library."""
