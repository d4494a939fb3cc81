"""Runs in a browser: pages rendered on the server, from the journal, with what can be done about a run."""
