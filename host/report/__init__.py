"""What happened, for a reader: sinks for events, and errors as text. One file per form."""
