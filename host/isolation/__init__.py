"""Runs the Lua state of a script in a process of its own, which has no secrets and almost no rights.

zygote_client  the host's end: ``Isolation`` owns the zygote and makes states
state          ``ChildState``: one run's state, entered like ``host.lua.state.LuaState``; trusts nothing it receives
frames         the messages between the two sides, and their largest size
boot           the program of the zygote's process: imports, then runs
zygote         forks a confined process for each run, kills it, and reports how it ended
child          the code of such a process: a ``LuaState`` whose host is at the other end of a socket
confinement, seccomp, landlock   take away the rights of such a process
"""
