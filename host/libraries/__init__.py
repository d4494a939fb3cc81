"""The libraries that scripts can be granted: ``http``, ``graphql``, ``sql``, ``fs``."""
