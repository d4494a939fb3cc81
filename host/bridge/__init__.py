"""The bridge between threads that run scripts and the event loop that makes their calls."""
