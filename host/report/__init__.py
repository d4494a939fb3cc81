"""Reports for people and programs: sinks for events, and errors as text. One file per format."""
