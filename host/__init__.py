"""The door: everything a Python program needs of the host."""
