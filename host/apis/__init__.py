"""What an API is; knows nothing of Lua."""
