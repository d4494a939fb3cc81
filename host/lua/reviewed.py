"""The C functions that scripts can call, each with the reason why that is safe.

A C function that calls back into a script (a metamethod, a callback) uses the C stack, which all coroutines share and
LuaJIT does not guard: enough nested ones crash the process. So those that do are replaced by Lua code (``print``,
``tostring``, ``load``, ``xpcall``, ``string.format``, ``string.gsub``, ``table.sort``, ``os.time`` …), and a function
that is not listed here is given to no script: ``tests/security/test_callbacks.py`` walks all functions that a script
can reach.
"""

from __future__ import annotations

from typing import Final

__all__ = ["OWN", "REVIEWED"]

REVIEWED: Final[dict[str, str]] = {
    name: reason
    for names, reason in (
        (
            "rawequal rawget rawset next type select unpack table.unpack",
            "no metatable is looked at",
        ),
        ("assert", "raises what it is given as it is; a text is made of it by whoever shows it"),
        (
            "pairs ipairs ipairs()",
            "LuaJIT as lupa builds it knows no __pairs and no __ipairs; both would be tail calls, which leave C",
        ),
        ("setmetatable", "__metatable is looked up in the raw table, and not called; tables have no __gc"),
        ("tonumber", "reads strings and numbers; of anything else it gives nil"),
        ("string.byte string.sub", "take strings and numbers; anything else is refused by its type"),
        ("string.gmatch()", "its string and pattern were taken, and bounded, by string.gmatch"),
        (
            "bit.arshift bit.bnot bit.bswap bit.lshift bit.rol bit.ror bit.rshift bit.tobit bit.tohex "
            "math.abs math.acos math.asin math.atan math.atan2 math.ceil math.cos math.cosh math.exp math.floor "
            "math.fmod math.frexp math.ldexp math.log math.log10 math.modf math.pow math.random math.randomseed "
            "math.sin math.sinh math.sqrt math.tan math.tanh os.difftime",
            "take numbers, and strings of digits; anything else is refused by its type",
        ),
        ("os.clock", "takes nothing"),
    )
    for name in names.split()
}
"""By the name a script knows it by; ``name()`` is what that function returns."""

OWN: Final = frozenset(name for name in REVIEWED if "." not in name and "()" not in name)
"""Lua's own global functions, given to scripts as they are."""
