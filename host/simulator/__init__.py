"""A stateful local double of any API in a catalog."""
