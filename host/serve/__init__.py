"""Inbound HTTP: serves an ASGI application on a port."""
