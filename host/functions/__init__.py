"""Python functions that scripts can call."""
