"""``sql``: granted databases."""
