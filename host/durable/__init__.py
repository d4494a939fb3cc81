"""The log of a run: written before, replayed after, read in one place; undo."""
