"""The numbers that both sides of the Lua boundary share.

The Lua side's numbers are generated from these: a line of the prelude such as ``local CALL, TICK = 1, 2 -- protocol``
gets its numbers from here when the file is compiled (``host.lua.state``), and a test checks that the numbers in the
file are the same.

``host(code, …)`` is called by Lua, ``enter(id, status, a, b)`` by Python; only nil, booleans, numbers and
byte strings cross, tables as MessagePack bytes (``prelude/encode.lua``, ``decode.lua``, ``host.lua.values``).
"""

from __future__ import annotations

from typing import Final

# Codes of host(code, …)
CALL: Final = 1  # (id, kind, target, payload, options, path, n, line) -> nothing (parked) or status, a, b
TICK: Final = 2  # () -> nothing: go on; or the kind of error the run ends with, and its message
WAIT: Final = 3  # () -> id, status, a, b of the next reply; blocks the run's thread
CANCEL: Final = 4  # (id)
OUT: Final = 5  # (bytes) -> nothing, or an error's facts
ENDED: Final = 6  # (returned value, exit status or nil, whether the value is the list of several)
FAILED: Final = 7  # (facts)
PRELUDE: Final = 9  # (name) -> that file's bytecode
NAME: Final = 10  # (global's name) -> "" Lua's own | bytecode of the file that sets it | file, a, b; or nothing
METHOD: Final = 11  # (operation, method) -> kind, param, code, field, field; or ERROR, facts
CHECK: Final = 12  # (operation, parameter or ":with", value, currency, API's version) -> nothing; or ERROR, facts
TOOL: Final = 13  # (name, a, b) -> VALUE, bytes; or ERROR, facts
HOME: Final = 15  # (name) -> bytecode of the prelude's file that defines core.<name>, or nothing
ROOM: Final = 16  # () -> nothing: the script is over, its end may use the memory held back (LuaState itself answers)
LINES: Final = 17  # (chunk's name, "0:1=3 0:2=3 …": how often a line of the function begun at a line was reached)
MEMBER: Final = 14  # (namespace, key) -> ERROR facts | GROUP path | OPERATION target pages | BUILDER target about
# | WORD file of the prelude that makes it

# Kinds of CALL
OPERATION: Final = 1  # payload: list of the arguments
CREATE: Final = 2  # payload: map of the parameters -> VALUE, id (an integer: after "\\0"), the whole answer
PAGE: Final = 3  # payload: [arguments or null, the page's ends, where it is or null, its items' number, whether again,
# the first page's items' number or null]
# -> VALUE, the page, where it is; or nothing after the last
SLEEP: Final = 4  # target: seconds
FUNCTION: Final = 5  # payload: list of the arguments -> VALUE, the result; of a generator, its number
NEXT: Final = 6  # payload: [the generator's number] -> VALUE, [the next item] or nothing
ONCE: Final = 7  # payload: ["ask", key] -> VALUE, [number, results…] packed; or nothing: it is for this run to do
# | ["done", key, results packed] | ["failed", key, message]

# Status of a reply
VALUE: Final = 0
ERROR: Final = 1
CREATED: Final = 2  # VALUE of a CREATE, with the answer as JSON

# ids of enter()
# status: chunk name, a: source, b: the sum of what holds of the run
START: Final = -1
TRACE: Final = 1  # calls carry their lines
FRUGAL: Final = 2  # many runs are alive: each is to leave little garbage
DURABLE: Final = 4
BYTECODE: Final = 8  # a is the host's own bytecode
GIVEN: Final = 16  # there are globals of the embedding program
ARGUMENTS: Final = 32  # there are arguments that the main chunk may read as "..."
COUNT_LINES: Final = 64  # count how often each line of a file is reached
ABORT: Final = -2  # a: the error's facts

# Members of a namespace
GROUP: Final = 2
MEMBER_OPERATION: Final = 3
BUILDER: Final = 4
WORD: Final = 5
