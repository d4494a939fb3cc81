"""The Lua side of a run in a process of its own, which holds nothing and may do next to nothing.

Isolation   the host's end: owns the zygote and gives out states
ChildState  one run's state, entered like ``host.lua.state.LuaState``; trusts nothing it receives
  frames    the messages, and how large they may be
boot        the program of the zygote's process: imports, then
  zygote    forks a confined process for each run, kills it, reports how it ended
  inside    the code of such a process: a ``LuaState`` whose host is at the other end of a socket
  confinement, seccomp, landlock   what such a process may not do
"""
