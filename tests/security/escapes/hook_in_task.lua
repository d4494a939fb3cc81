-- what: an endless loop in a task while the main chunk waits
-- source: docs/security.md, threat model
-- expect: limit
spawn(function() while true do end end):wait()
