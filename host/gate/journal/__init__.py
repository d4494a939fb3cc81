"""The durable record of runs: what was sent, what came back, and in which order it was told to the script."""
