"""Events of runs, shown: terminal, JSON lines."""
