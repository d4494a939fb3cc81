-- what: terminal controls and broken UTF-8 in a message
-- source: CWE-150
-- expect: error
error("\27]0;owned\7\27[2J\255\254\0x", 0)
