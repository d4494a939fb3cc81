"""What a :class:`~host.host.Host` is put together of."""
