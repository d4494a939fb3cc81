"""Python functions as Lua sees them."""
