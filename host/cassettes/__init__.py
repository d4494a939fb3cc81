"""Cassettes: the requests of a run with what was answered, recorded in a file and replayed with nothing sent."""
