"""Mistakes that the package's types find: each marked line is an error, and no other."""

from __future__ import annotations

from host import Host

host = Host(simulate="yes")  # wrong
host.run(3)  # wrong
print(host.run_source("return 1").ouput)  # wrong
host.run_source("return 1", tiemout=1)  # wrong
host.run_source("return 1", timeout="1")  # wrong
print(host.run_source("return 1", returns=int).value.upper())  # wrong
text: str = host.run_source("return 1", returns=int).value  # wrong
host.function(lambda: 1, effect="maybe")  # wrong


@host.function
async def named(a: int) -> int:
    return a


named("x")  # wrong
