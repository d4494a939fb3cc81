"""The host's side of every call: nothing a script says is trusted before it."""
