"""Durable runs: the journal that records them, replay when they are resumed, and undo."""
